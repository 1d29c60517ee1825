"""The rows of an SDK that is not run each time: what came of its calls when they were recorded.

`tests/it/emulator/go_sdk.rs` sends the recorded requests again, and fails where the store answers otherwise.
"""

import json
import pathlib

GO = "cos-go-sdk-v5"
VECTORS = pathlib.Path(__file__).parent.parent / "vectors"
# The modes of the table, as the vectors call them.
MODES = {"none": "none", "sse-cos": "managed", "sse-kms-key": "kms", "sse-c": "customer"}
STORES = ("default", "strict")


def _files():
    for family in ("operations", "flows"):
        yield json.loads((VECTORS / f"go-{family}.json").read_text(encoding="utf-8"))


def version():
    """Of the SDK that was recorded."""
    (only,) = {file["sdk"]["version"] for file in _files()}
    return only


def rows():
    """As the lines of the SDKs that are run: SDK, store, call, mode, verdict, and what came."""
    for file in _files():
        for case in file["cases"]:
            if "row" in case:
                for store in STORES:
                    yield GO, store, case["row"]["call"], MODES[case["mode"]], *case["row"][store]
