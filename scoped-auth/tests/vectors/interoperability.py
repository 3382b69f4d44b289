"""The other side of tests/it/interoperability.rs: one operation of joserfc, from JSON on standard input to JSON on output.

The only code of ours here is the format of keys.json and the derivation of subkeys.
"""

import json
import sys

from joserfc import jwe, jws
from joserfc.jwk import ECKey, KeySet, OctKey

import subkey


def open_encrypted(given):
    token = given["token"]
    kid = json.loads(subkey.decode(token.split(".")[0]))["kid"]
    key = OctKey.import_key(subkey.of_key_set(given["key_set"], kid))
    opened = jwe.decrypt_compact(token, key, algorithms=["dir", "A256GCM"])
    return {"header": opened.protected, "claims": json.loads(opened.plaintext), "key": subkey.encode(key.raw_value)}


def make_encrypted(given):
    key = OctKey.import_key(subkey.of_key_set(given["key_set"], given["header"]["kid"]))
    return {"token": jwe.encrypt_compact(given["header"], json.dumps(given["claims"]), key, ["dir", "A256GCM"])}


def open_signed(given):
    opened = jws.deserialize_compact(given["token"], KeySet.import_key_set(given["key_set"]), algorithms=["ES256"])
    return {"header": opened.protected, "claims": json.loads(opened.payload)}


def make_signed(given):
    key = next(key for key in given["key_set"]["keys"] if key["kid"] == given["header"]["kid"])
    # joserfc rejects unknown members, such as `status`.
    key = ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y", "d")})
    return {"token": jws.serialize_compact(given["header"], json.dumps(given["claims"]), key, ["ES256"])}


operation = {f.__name__: f for f in (open_encrypted, make_encrypted, open_signed, make_signed)}[sys.argv[1]]
json.dump(operation(json.load(sys.stdin)), sys.stdout)
