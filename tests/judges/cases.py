"""What is judged: objects under every mode of encryption, with keys that lazy encoding would break.

`prepare()` makes the source files and writes the manifest, a JSON file that every judge reads.
"""

import base64
import hashlib
import json
import pathlib
import random

MODES = ("none", "managed", "kms", "customer")
PART_SIZE = 1 << 20
KMS_KEY_ID = "11f0c5a2-judge-4d1e-9c57-52540a6b7c8d"

# (key, size). More than PART_SIZE goes up in parts.
OBJECTS = [
    ("plain.bin", 70_000),
    ("empty", 0),
    ("one byte", 1),
    ("plus+and space", 1_001),
    ("100%", 17),
    ("a%2Fb%20c", 18),
    ("~tilde~/-_.", 19),
    ("star*(paren)'quote'!", 20),
    ("semi;colon=and&question?hash#at@", 21),
    ("comma,dollar$[bracket]{brace}|\\^`\"<>", 22),
    ("腾讯云/日本語/für.bin", 23),
    ("\U0001f6a2 emoji", 24),
    ("double//slash///three", 25),
    ("UPPER/lower/MiXed", PART_SIZE),
    ("parts/plain.bin", 3 * PART_SIZE + 17),
    ("parts/exact", 2 * PART_SIZE),
    ("parts/50% off + tilde~ (star*) 腾讯云//x?y#z", 2 * PART_SIZE + 1),
]


def prepare(folder, store, token=None):
    """Makes the sources in `folder` and returns the manifest, which is also written there.

    `store` holds what `sealift serve` wrote when it was ready; with a `token`, its credentials are temporary.
    """
    folder = pathlib.Path(folder)
    rng = random.Random(20260101)
    sources = {}
    for size in sorted({size for _, size in OBJECTS}):
        path = folder / f"source-{size}"
        path.write_bytes(rng.randbytes(size))
        sources[size] = str(path)
    key, other = rng.randbytes(32), rng.randbytes(32)
    key_file = folder / "customer.key"
    key_file.write_bytes(key)
    key_file.chmod(0o600)
    wrong_key_file = folder / "wrong.key"
    wrong_key_file.write_bytes(other)
    wrong_key_file.chmod(0o600)
    manifest = {
        "bucket": store["SEALIFT_BUCKET"],
        "region": store["SEALIFT_REGION"],
        "secret_id": store["COS_SECRET_ID"],
        "secret_key": store["COS_SECRET_KEY"],
        "token": token,
        "ca_cert": store["SEALIFT_CA_CERT"],
        "part_size": PART_SIZE,
        "kms_key_id": KMS_KEY_ID,
        "customer_key": named(key),
        "wrong_key": named(other),
        "customer_key_file": str(key_file),
        "wrong_key_file": str(wrong_key_file),
        "objects": [
            {"mode": mode, "key": f"{mode}/{key}", "size": size, "source": sources[size]}
            for mode in MODES
            for key, size in OBJECTS
        ],
        "large": sources[3 * PART_SIZE + 17],
        "small": sources[70_000],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def named(key):
    """A customer key as the headers carry it."""
    return {
        "key": base64.b64encode(key).decode(),
        "md5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
