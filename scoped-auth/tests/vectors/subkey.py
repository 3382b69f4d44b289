"""The key of an encrypted token, derived from the key file and the token's `kid` (see README.md)."""

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derive(secret, kid):
    name, salt, *deployment = kid.split(".")
    info = b"webchat-token-v1" + "".join(deployment).encode()
    return HKDF(hashes.SHA256(), 32, decode(salt), info).derive(secret)


def of_key_set(key_set, kid):
    key = next(key for key in key_set["keys"] if key["kid"] == kid.split(".")[0])
    return derive(decode(key["k"]), kid)
