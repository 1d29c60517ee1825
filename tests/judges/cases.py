"""What is judged: objects under every mode of encryption, with keys that lazy encoding would break.

`prepare()` makes the source files and writes the manifest, a JSON file that every judge reads.
"""

import base64
import hashlib
import json
import pathlib
import random

from manners import MANNERS

KMS_KEY_ID = "11f0c5a2-judge-4d1e-9c57-52540a6b7c8d"

# (key, size in parts, and in bytes beyond them). More than one part goes up in parts.
OBJECTS = [
    ("plain.bin", 0, 70_000),
    ("empty", 0, 0),
    ("one byte", 0, 1),
    ("plus+and space", 0, 1_001),
    ("100%", 0, 17),
    ("a%2Fb%20c", 0, 18),
    ("~tilde~/-_.", 0, 19),
    ("star*(paren)'quote'!", 0, 20),
    ("semi;colon=and&question?hash#at@", 0, 21),
    ("comma,dollar$[bracket]{brace}|\\^`\"<>", 0, 22),
    ("腾讯云/日本語/für.bin", 0, 23),
    ("\U0001f6a2 emoji", 0, 24),
    ("double//slash///three", 0, 25),
    ("UPPER/lower/MiXed", 1, 0),
    ("parts/plain.bin", 3, 17),
    ("parts/exact", 2, 0),
    ("parts/50% off + tilde~ (star*) 腾讯云//x?y#z", 2, 1),
]


def prepare(folder, manner, store, token=None):
    """Makes the sources in `folder` and returns the manifest, which is also written there.

    `manner` is a name; `store` holds what `sealift serve` wrote when it was ready; with a `token`, its credentials are
    temporary.
    """
    folder = pathlib.Path(folder)
    dialect, modes, wanted = MANNERS[manner].dialect, MANNERS[manner].modes, MANNERS[manner].keys
    part_size = dialect.part_size
    objects = [(key, parts * part_size + rest) for key, parts, rest in OBJECTS if wanted is None or key in wanted]
    small, large = 70_000, 3 * part_size + 17
    rng = random.Random(20260101)
    sources = {}
    for size in sorted({small, large, *(size for _, size in objects)}):
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
        "secret_id": store[dialect.credentials[0]],
        "secret_key": store[dialect.credentials[1]],
        "token": token,
        "manner": manner,
        "ca_cert": store.get("SEALIFT_CA_CERT"),
        "part_size": part_size,
        "kms_key_id": KMS_KEY_ID,
        "customer_key": named(key),
        "wrong_key": named(other),
        "customer_key_file": str(key_file),
        "wrong_key_file": str(wrong_key_file),
        "objects": [
            {"mode": mode, "key": f"{mode}/{key}", "size": size, "source": sources[size]}
            for mode in modes
            for key, size in objects
        ],
        "large": sources[large],
        "small": sources[small],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def named(key):
    """A customer key as the headers carry it."""
    return {
        "key": base64.b64encode(key).decode(),
        "md5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
