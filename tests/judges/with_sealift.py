"""Drives the `sealift` binary: uploads everything in the manifest, or fetches what the SDKs uploaded.

    with_sealift.py put BINARY FOLDER SETTINGS   reads what `serve` said, writes FOLDER/manifest.json
    with_sealift.py get BINARY FOLDER SDK...     reads the manifest

Credentials are the caller's COS_... variables. Uploads go through the recording proxy, as if it were the store: the address is the store's own, `--connect-to` and
`--ca-cert` name the proxy. Downloads go to the store in the same way.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from cases import MODES, PART_SIZE, prepare
from verdicts import Verdicts, require

OPTIONS_OF_MODE = {
    "none": lambda told: [],
    "managed": lambda told: ["--sse", "managed"],
    "kms": lambda told: ["--sse", "kms", "--sse-kms-key-id", told["kms_key_id"], "--sse-kms-context", '{"a":"b c"}'],
    "customer": lambda told: ["--sse-key", f"file:{told['customer_key_file']}"],
}


class Sealift:
    """The binary, and how it reaches the store."""

    def __init__(self, binary, told, port, ca_cert, home):
        self.binary, self.told = binary, told
        self.reach = ["--region", told["region"], "--connect-to", f"127.0.0.1:{port}", "--ca-cert", str(ca_cert)]
        # Nothing of the caller's own proxies, files and journals.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            **{name: value for name, value in os.environ.items() if name.startswith("COS_")},
        }

    def run(self, *arguments):
        """Runs a command; the result has `returncode`, `stdout` and `stderr`."""
        return subprocess.run(
            [self.binary, *arguments], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
        )

    def url(self, key):
        return f"cos://{self.told['bucket']}/{key}"

    def ok(self, *arguments):
        """Runs a command that must succeed, and returns its JSON."""
        done = self.run("--json", *arguments, *self.reach)
        require(done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")
        return json.loads(done.stdout)


def reading(told, mode):
    """What a read needs: the key of the customer, and nothing otherwise."""
    return OPTIONS_OF_MODE["customer"](told) if mode == "customer" else []


def put_all(sealift, told, verdicts):
    for it in told["objects"]:
        mode, key = it["mode"], it["key"]
        with verdicts.trial("put", key):
            options = OPTIONS_OF_MODE[mode](told)
            if key.endswith("plain.bin"):
                # Headers whose values an encoder may stumble on.
                options += ["--meta", "note=a b+c%20/~*()!", "--content-type", "text/plain; charset=utf-8"]
                options += ["--storage-class", "STANDARD_IA", "--acl", "private", "--tag", "k 1=v+2"]
            receipt = sealift.ok("put", it["source"], sealift.url(key), "--part-size", str(PART_SIZE), *options)
            require(receipt["size"] == it["size"], f"the receipt says {receipt['size']} bytes")
            require(receipt["sse"]["mode"] == mode, f"the receipt says {receipt['sse']}")
            in_parts = it["size"] > PART_SIZE
            require(bool(receipt.get("upload_id")) == in_parts, f"upload_id {receipt.get('upload_id')!r}")
        with verdicts.trial("stat", key):
            found = sealift.ok("stat", sealift.url(key), *reading(told, mode))
            require(found["size"] == it["size"], f"stat says {found['size']} bytes")
            require(found["sse"]["mode"] == mode, f"stat says {found['sse']}")
        with verdicts.trial("get", key):
            fetch(sealift, told, mode, key, it["source"])


def fetch(sealift, told, mode, key, source):
    """Downloads an object and compares it with its source, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, "fetched")
        done = sealift.run("get", sealift.url(key), str(target), *reading(told, mode), *sealift.reach)
        require(done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")
        require(target.read_bytes() == pathlib.Path(source).read_bytes(), "the bytes differ")


def get_all(sealift, told, verdicts, uploader):
    for mode in MODES:
        for kind, source in (("small", told["small"]), ("large", told["large"])):
            key = f"{mode}/by {uploader}/{kind} (1).bin"
            with verdicts.trial(f"get what {uploader} put", key):
                fetch(sealift, told, mode, key, source)
    with verdicts.trial(f"get what {uploader} put", "no key, no bytes"):
        done = sealift.run("get", sealift.url(f"customer/by {uploader}/small (1).bin"), "-", *sealift.reach)
        require(done.returncode != 0 and not done.stdout, f"exit {done.returncode}, {len(done.stdout)} bytes")


def main(what, binary, folder, *rest):
    folder = pathlib.Path(folder)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    if what == "put":
        lines = pathlib.Path(rest[0]).read_text().splitlines()
        store = dict(line.split("=", 1) for line in lines if "=" in line)
        told = prepare(folder, store, os.environ.get("COS_SESSION_TOKEN"))
        port = (folder / "recorder" / "port").read_text()
        verdicts = Verdicts("sealift, recorded")
        put_all(Sealift(binary, told, port, folder / "recorder" / "ca.pem", home), told, verdicts)
        verdicts.at_least(3 * len(told["objects"]))
    else:
        told = json.loads((folder / "manifest.json").read_text())
        verdicts = Verdicts("sealift, after the SDKs")
        sealift = Sealift(binary, told, (folder / "store.port").read_text().strip(), told["ca_cert"], home)
        for uploader in rest:
            get_all(sealift, told, verdicts, uploader)
        verdicts.at_least(18)


if __name__ == "__main__":
    main(*sys.argv[1:])
