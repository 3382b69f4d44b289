"""Makes keys.json, good.json and bad.json, deterministically."""

import json
import pathlib
import zlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwe as other_jwe, jws as other_jws
from joserfc.jwk import ECKey, OctKey

from subkey import decode, derive, encode
from tokens import (DEPLOYMENT, KEYS, KID, NONCE, NOW, OTHER_DEPLOYMENT, SALT, SECRET, SIGNER, STRANGER, claims, hs256,
                    jwe, jwe_header, jwe_parts, jws, jws_header, jws_parts, text, without_deployment)

HERE = pathlib.Path(__file__).parent


# Valid tokens, each verified with another library.

def good_jwe(name, payload, kid=KID, secret=SECRET, header=None):
    header, key = header or jwe_header(kid=kid), derive(secret, kid)
    token = jwe(header=header, payload=payload, key=key)
    opened = other_jwe.decrypt_compact(token, OctKey.import_key(key), algorithms=["dir", "A256GCM"])
    assert json.loads(opened.plaintext) == payload
    return {"name": name, "token": token, "header": header, "claims": payload}


def good_jws(name, payload):
    token = jws(payload=payload)
    opened = other_jws.deserialize_compact(token, ECKey.import_key(KEYS["keys"][3]), algorithms=["ES256"])
    assert json.loads(opened.payload) == payload
    return {"name": name, "token": token, "header": jws_header(), "claims": payload}


BARE = f"enc-1.{SALT}"
UNKNOWN_GRANT = claims(grants=claims()["grants"] | {"video": {"room": {"name": "r"}, "list": [1, 2]}})
GOOD = [
    good_jwe("encrypted, with fingerprint and deployment", claims()),
    good_jwe("encrypted, without fingerprint", claims(fingerprint=None)),
    good_jwe("encrypted, without deployment", without_deployment(), BARE),
    good_jwe("encrypted, without either", without_deployment(fingerprint=None), BARE),
    good_jwe("encrypted, with a grant of an unknown type", UNKNOWN_GRANT),
    good_jwe("encrypted with the key that is next", claims(), f"enc-2.{SALT}.{DEPLOYMENT}", bytes(range(32, 64))),
    good_jwe("encrypted with a retired key", claims(), f"enc-3.{SALT}.{DEPLOYMENT}", bytes(range(64, 96))),
    good_jwe("encrypted, header in another order", claims(), header=dict(reversed(jwe_header().items()))),
    good_jws("signed, with fingerprint and deployment", claims()),
    good_jws("signed, without either", without_deployment(fingerprint=None)),
]


# Invalid tokens.

def swap(parts, index, value):
    return ".".join([*parts[:index], value, *parts[index + 1:]])


def flip(part, at=0):
    data = bytearray(decode(part))
    data[at] ^= 1
    return encode(bytes(data))


def sloppy(part):
    """A non-canonical encoding of the same bytes: a bit after the last byte is set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


E, S = jwe_parts(), jws_parts()
RAW = text(jwe_header())
POINT = SIGNER.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
PEM = SIGNER.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
OTHER_KID = f"enc-1.{SALT}.{OTHER_DEPLOYMENT}"
DER = SIGNER.sign(".".join(S[:2]).encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
deflate = zlib.compressobj(wbits=-15)
DEFLATED = deflate.compress(text(claims())) + deflate.flush()


def headers(form, make, header):
    """Invalid headers; everything else of these tokens is valid."""
    variants = [
        ("alg none", "an algorithm that proves nothing", header(alg="none")),
        ("alg in capitals", "names are compared as they are", header(alg=header()["alg"].swapcase())),
        ("alg missing", "", header(alg=None)),
        ("typ missing", "", header(typ=None)),
        ("typ of another kind of token", "", header(typ="at+jwt")),
        ("cty missing", "a token of another kind", header(cty=None)),
        ("cty of another version", "a token of another kind", header(cty="twilio-fpa;v=2")),
        ("kid missing", "", text(header(kid=None))),
        ("kid not a string", "", text(header() | {"kid": 1})),
        ("crit", "names an extension that is not understood", header(crit=["exp"])),
        ("crit, empty", "", header(crit=[])),
        ("jwk in the header", "would bring its own key", header(jwk=KEYS["keys"][3])),
        ("jku in the header", "would have a key fetched", header(jku="https://keys.example.com")),
        ("x5u in the header", "would have a key fetched", header(x5u="https://keys.example.com")),
        ("b64 false", "the payload would be another", header(b64=False)),
        ("a member that nobody knows", "", header(x=1)),
        ("a member twice", "readers differ in which they take", text(header())[:-1] + b',"typ":"JWT"}'),
        ("alg twice", "readers differ in which they take", text(header()).replace(b"{", b'{"alg":"none",', 1)),
        ("header with data behind it", "", text(header()) + b"{}"),
        ("header an array", "the right values without names", text(list(header().values()))),
        ("header over-long", "", text(header()) + b" " * 300),
        ("header not JSON", "", text(header())[:-1]),
        ("header not UTF-8", "", text(header()).replace(b"JWT", b"JW\xff")),
    ]
    for name, why, changed in variants:
        key = {"key": derive(SECRET, KID)} if form == "encrypted" else {}
        yield f"{form}: {name}", why, make(header=changed, **key)


def payloads(form, make):
    """Correctly sealed or signed payloads that are not valid claims."""
    variants = [
        ("another iss", "", claims(iss="FederatedAuthService")),
        ("another aud", "", claims(aud="voice")),
        ("aud an array", "", claims(aud=["webchat"])),
        *[(f"{name} missing", "", claims(**{name: None})) for name in claims() if name != "fingerprint"],
        ("a claim twice", "readers differ in which they take", text(claims())[:-1] + b',"exp":4102444800}'),
        ("exp with a fraction", "", claims(exp=NOW + 0.5)),
        ("exp as text", "", claims(exp=str(NOW))),
        ("sub of another kind", "", claims(sub=DEPLOYMENT)),
        ("fingerprint with blanks", "", claims(fingerprint="a b")),
        ("data behind the claims", "", text(claims()) + b"{}"),
        ("claims an array", "the right values without names", list(claims().values())),
        ("claims not JSON", "", b"webchat"),
        ("no claims", "", b""),
    ]
    for name, why, payload in variants:
        yield f"{form}: {name}", why, make(payload=payload)


BAD = [
    # Tampered.
    ("encrypted: header changed", "", swap(E, 0, encode(RAW.replace(b"JWT", b"JWU")))),
    ("encrypted: header spelt with a blank", "the same members in other bytes", swap(E, 0, encode(RAW[:-1] + b" }"))),
    ("encrypted: nonce changed", "", swap(E, 2, flip(E[2]))),
    ("encrypted: first byte of the text changed", "", swap(E, 3, flip(E[3]))),
    ("encrypted: last byte of the text changed", "", swap(E, 3, flip(E[3], -1))),
    ("encrypted: tag changed", "", swap(E, 4, flip(E[4]))),
    ("encrypted: text cut", "", swap(E, 3, encode(decode(E[3])[:-1]))),
    ("encrypted: text of another token", "", swap(E, 3, jwe_parts(payload=claims(exp=NOW + 1))[3])),
    ("signed: header changed", "", swap(S, 0, encode(text(jws_header(kid="sig-2"))))),
    ("signed: payload changed", "", swap(S, 1, encode(text(claims(exp=NOW + 90000))))),
    ("signed: signature changed", "", swap(S, 2, flip(S[2]))),
    # Lengths.
    ("encrypted: nonce of 11 bytes", "", jwe(nonce=NONCE[1:])),
    ("encrypted: nonce of 13 bytes", "", jwe(nonce=b"\0" + NONCE)),
    ("encrypted: no nonce", "", swap(E, 2, "")),
    ("encrypted: tag of 12 bytes", "a shorter proof is easier to guess", swap(E, 4, encode(decode(E[4])[:12]))),
    ("encrypted: no tag", "", swap(E, 4, "")),
    ("encrypted: tag in the text's part", "", ".".join([*E[:3], encode(decode(E[3]) + decode(E[4])), ""])),
    ("encrypted: no text", "", swap(E, 3, "")),
    ("signed: signature of 63 bytes", "", swap(S, 2, encode(decode(S[2])[:63]))),
    ("signed: signature of 65 bytes", "", swap(S, 2, encode(decode(S[2]) + b"\0"))),
    ("signed: signature in DER", "", swap(S, 2, encode(DER))),
    ("signed: signature of zeros", "", swap(S, 2, encode(bytes(64)))),
    ("signed: no signature", "", swap(S, 2, "")),
    ("signed: no payload", "detached", swap(S, 1, "")),
    ("over-long", "", jwe(payload=claims(x="x" * 8192))),
    # Parts.
    ("empty parts, 5", "", "...."),
    ("empty parts, 3", "", ".."),
    ("no dots", "", "webchat"),
    ("encrypted: 4 parts", "", ".".join(E[:4])),
    ("encrypted: 6 parts", "", ".".join([*E, ""])),
    ("encrypted: an encrypted key", "`dir` has none", swap(E, 1, encode(bytes(32)))),
    ("encrypted: 3 of its parts", "", ".".join([E[0], E[3], E[4]])),
    ("signed: 2 parts", "", ".".join(S[:2])),
    ("signed: 4 parts", "", ".".join([*S, ""])),
    ("signed: as 5 parts", "", f"{S[0]}..{E[2]}.{S[1]}.{S[2]}"),
    ("JSON serialization", "", json.dumps({"payload": S[1], "protected": S[0], "signature": S[2]})),
    # Base64url.
    ("encrypted: padding", "", swap(E, 4, E[4] + "==")),
    ("encrypted: bits behind the tag's last byte", "another spelling of the same token", swap(E, 4, sloppy(E[4]))),
    ("signed: bits behind the signature's last byte", "another spelling of the same token", swap(S, 2, sloppy(S[2]))),
    ("encrypted: the other alphabet", "", swap(E, 3, E[3].replace("-", "+").replace("_", "/"))),
    ("encrypted: a line break", "", swap(E, 3, E[3][:64] + "\n" + E[3][64:])),
    ("encrypted: a blank in front", "", " " + ".".join(E)),
    ("encrypted: a line break behind", "", ".".join(E) + "\n"),
    ("encrypted: a letter outside ASCII", "", swap(E, 3, "ä" + E[3][1:])),
    # Keys.
    ("encrypted: another's key", "", jwe(key=derive(bytes(range(1, 33)), KID))),
    ("encrypted: the key of the file itself", "not the subkey", jwe(key=SECRET)),
    ("encrypted: the subkey of another salt", "", jwe(key=derive(SECRET, KID.replace(SALT, encode(bytes(16)))))),
    ("encrypted: another listed key's name", "", jwe(header=jwe_header(kid=KID.replace("enc-1", "enc-2")))),
    ("encrypted: a key of zeros", "", jwe(key=bytes(32))),
    ("signed: another's key", "", jws(key=STRANGER)),
    ("signed: another listed key's name", "", jws(header=jws_header(kid="sig-2"))),
    # The name of the key.
    ("encrypted: another deployment in the kid", "", swap(E, 0, encode(text(jwe_header(kid=OTHER_KID))))),
    ("encrypted: no deployment in the kid", "", swap(E, 0, encode(text(jwe_header(kid=BARE))))),
    ("encrypted: a deployment that the claims do not name", "", jwe(payload=without_deployment())),
    ("encrypted: the claims name another deployment", "", jwe(header=jwe_header(kid=OTHER_KID))),
    ("encrypted: only the claims name a deployment", "", jwe(header=jwe_header(kid=BARE))),
    ("encrypted: kid of a signing key", "", jwe(header=jwe_header(kid=KID.replace("enc-1", "sig-1")),
     key=derive((0x1111).to_bytes(32, "big"), KID))),
    ("encrypted: kid of no key", "", jwe(header=jwe_header(kid=KID.replace("enc-1", "enc-9")))),
    ("encrypted: kid without salt", "", jwe(header=jwe_header(kid="enc-1"), key=SECRET)),
    ("encrypted: kid with empty salt", "", jwe(header=jwe_header(kid="enc-1."))),
    ("encrypted: kid with a short salt", "", jwe(header=jwe_header(kid=f"enc-1.{encode(bytes(15))}"),
     payload=without_deployment())),
    ("encrypted: kid with bits behind the salt", "another spelling", jwe(
        header=jwe_header(kid=f"enc-1.{sloppy(SALT)}.{DEPLOYMENT}"), key=derive(SECRET, KID))),
    ("encrypted: kid with a fourth part", "", jwe(header=jwe_header(kid=f"{KID}.x"), key=derive(SECRET, KID))),
    ("encrypted: kid with a deployment in capitals", "another spelling", jwe(
        header=jwe_header(kid=f"enc-1.{SALT}.CV000000000000000000000000000000AB"),
        payload=claims(grants=claims()["grants"] | {"webchat": {
            "address_sid": "IG00000000000000000000000000000001",
            "deployment_key": "CV000000000000000000000000000000ab"}}))),
    ("encrypted: kid a path", "", jwe(header=jwe_header(kid=f"../../../../dev/null.{SALT}"), key=derive(b"", KID))),
    ("encrypted: kid a query", "", jwe(header=jwe_header(kid=f"' OR 1=1 --.{SALT}"), key=derive(b"", KID))),
    ("encrypted: kid with a zero byte", "", jwe(header=jwe_header(kid=f"enc-1\0.{SALT}.{DEPLOYMENT}"),
     key=derive(SECRET, KID))),
    ("encrypted: kid empty", "", jwe(header=jwe_header(kid=""), key=bytes(32))),
    ("encrypted: kid over-long", "", jwe(header=jwe_header(kid="enc-1" * 40 + f".{SALT}"))),
    ("signed: kid of an encryption key", "", jws(header=jws_header(kid="enc-1"))),
    ("signed: kid of an encryption key and its salt", "", jws(header=jws_header(kid=KID))),
    ("signed: kid of no key", "", jws(header=jws_header(kid="sig-9"))),
    ("signed: kid empty", "", jws(header=jws_header(kid=""))),
    ("signed: kid with a salt", "", jws(header=jws_header(kid=f"sig-1.{SALT}"))),
    # Algorithms.
    ("encrypted: enc A128GCM", "", jwe(header=jwe_header(enc="A128GCM"), key=derive(SECRET, KID)[:16])),
    ("encrypted: enc A128GCM, the whole key", "", jwe(header=jwe_header(enc="A128GCM"))),
    ("encrypted: enc A256CBC-HS512", "", jwe(header=jwe_header(enc="A256CBC-HS512"))),
    ("encrypted: enc missing", "", jwe(header=jwe_header(enc=None))),
    ("encrypted: alg A256KW", "", jwe(header=jwe_header(alg="A256KW"))),
    ("encrypted: alg A256GCMKW", "", jwe(header=jwe_header(alg="A256GCMKW"))),
    ("encrypted: alg ECDH-ES", "", jwe(header=jwe_header(alg="ECDH-ES"))),
    ("encrypted: alg PBES2-HS256+A128KW", "", jwe(header=jwe_header(alg="PBES2-HS256+A128KW"))),
    ("encrypted: alg ES256", "", jwe(header=jwe_header(alg="ES256"))),
    ("encrypted: zip, compressed", "no compression", jwe(header=jwe_header(zip="DEF"), payload=DEFLATED)),
    ("encrypted: zip, not compressed", "no compression", jwe(header=jwe_header(zip="DEF"))),
    ("encrypted: compressed without zip", "no compression", jwe(payload=DEFLATED)),
    ("signed: alg none, no signature", "", swap(jws_parts(header=jws_header(alg="none")), 2, "")),
    ("signed: alg HS256 with the public point as key", "", hs256(jws_header(alg="HS256"), POINT)),
    ("signed: alg HS256 with the public key's PEM as key", "", hs256(jws_header(alg="HS256"), PEM)),
    ("signed: alg HS256 with the encryption key", "", hs256(jws_header(alg="HS256", kid="enc-1"), SECRET)),
    ("signed: HS256 under the name of ES256", "", hs256(jws_header(), POINT)),
    ("signed: alg ES384", "", jws(header=jws_header(alg="ES384"))),
    ("signed: an enc", "", jws(header=jws_header(enc="A256GCM"))),
    *headers("encrypted", jwe, jwe_header),
    *headers("signed", jws, jws_header),
    *payloads("encrypted", jwe),
    *payloads("signed", jws),
]


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


good_tokens = {vector["token"] for vector in GOOD}
assert len({name for name, _, _ in BAD}) == len(BAD)
assert not good_tokens & {token for _, _, token in BAD}
assert ".".join(E) in good_tokens and ".".join(S) in good_tokens
assert set("-_") & set(E[3])
write("keys.json", KEYS)
write("good.json", {"now": "2026-11-20T12:00:00Z", "tokens": GOOD})
write("bad.json", {"tokens": [
    {"name": name} | ({"why": why} if why else {}) | {"token": token} for name, why, token in BAD]})
