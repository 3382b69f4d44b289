"""Deterministic keys and tokens: nonces are fixed and signatures are deterministic."""

import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from subkey import derive, encode

NOW = 1795176000  # 2026-11-20T12:00:00Z
SECRET = bytes(range(32))
SALT = encode(bytes(range(100, 116)))
DEPLOYMENT = "CV00000000000000000000000000000001"
OTHER_DEPLOYMENT = "CV00000000000000000000000000000002"
KID = f"enc-1.{SALT}.{DEPLOYMENT}"
NONCE = bytes(11) + b"\x05"
SIGNER = ec.derive_private_key(0x1111, ec.SECP256R1())
STRANGER = ec.derive_private_key(0x2222, ec.SECP256R1())


# Keys.

def oct_key(kid, secret, status):
    return {"kty": "oct", "use": "enc", "alg": "dir", "kid": kid, "k": encode(secret), "status": status}


def ec_key(kid, key, status):
    numbers = key.private_numbers()
    x, y, d = (encode(n.to_bytes(32, "big")) for n in
               (numbers.public_numbers.x, numbers.public_numbers.y, numbers.private_value))
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y, "d": d,
            "status": status}


KEYS = {"keys": [
    oct_key("enc-1", SECRET, "active"),
    oct_key("enc-2", bytes(range(32, 64)), "next"),
    oct_key("enc-3", bytes(range(64, 96)), "retired"),
    ec_key("sig-1", SIGNER, "active"),
    ec_key("sig-2", ec.derive_private_key(0x3333, ec.SECP256R1()), "next"),
]}


# Tokens.

def text(value):
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def claims(**changes):
    made = {
        "jti": "6f4c8a52-0d4e-4c8a-9f0e-0c3a1f6b2d10", "iss": "ScopedAuthService", "aud": "webchat",
        "sub": "AC00000000000000000000000000000001", "iat": NOW, "nbf": NOW, "exp": NOW + 21600,
        "grants": {
            "identity": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77",
            "webchat": {"address_sid": "IG00000000000000000000000000000001", "deployment_key": DEPLOYMENT},
            "chat": {"service_sid": "IS00000000000000000000000000000001"},
        },
        "sid": "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01", "auth_time": NOW,
        "fingerprint": "fp2.medium.c29tZSBicm93c2Vy",
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def without_deployment(**changes):
    grants = claims()["grants"] | {"webchat": {"address_sid": "IG00000000000000000000000000000001"}}
    return claims(grants=grants, **changes)


def jwe_header(**changes):
    made = {"alg": "dir", "enc": "A256GCM", "typ": "JWT", "cty": "twilio-fpa;v=1", "kid": KID} | changes
    return {name: value for name, value in made.items() if value is not None}


def jws_header(**changes):
    made = {"alg": "ES256", "typ": "JWT", "cty": "twilio-fpa;v=1", "kid": "sig-1"} | changes
    return {name: value for name, value in made.items() if value is not None}


def jwe_parts(header=None, payload=None, key=None, nonce=NONCE):
    header, payload = header or jwe_header(), payload if payload is not None else claims()
    key = key or derive(SECRET, header["kid"] if isinstance(header, dict) and "kid" in header else KID)
    protected = encode(text(header))
    sealed = AESGCM(key).encrypt(nonce, text(payload), protected.encode())
    return [protected, "", encode(nonce), encode(sealed[:-16]), encode(sealed[-16:])]


def jwe(**given):
    return ".".join(jwe_parts(**given))


def sign(message, key=SIGNER):
    der = key.sign(message.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return b"".join(number.to_bytes(32, "big") for number in utils.decode_dss_signature(der))


def jws_parts(header=None, payload=None, key=SIGNER):
    signed = [encode(text(header or jws_header())), encode(text(payload if payload is not None else claims()))]
    return [*signed, encode(sign(".".join(signed), key))]


def jws(**given):
    return ".".join(jws_parts(**given))


def hs256(header, key):
    signed = f"{encode(text(header))}.{encode(text(claims()))}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), hashlib.sha256))}"
