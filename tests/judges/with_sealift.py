"""Drives the `sealift` binary: uploads everything in the manifest, or fetches what the SDKs uploaded.

    with_sealift.py put BINARY FOLDER SETTINGS MANNER   reads what `serve` said, writes FOLDER/manifest.json
    with_sealift.py get BINARY FOLDER SDK...            reads the manifest

Credentials are the caller's COS_... or AWS_... variables. Uploads go through the recording proxy, as if it were the
store: the address is the store's own, `--connect-to` and `--ca-cert` name the proxy, unless the manner has another
endpoint. Downloads go to the store in the same way.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from cases import prepare
from manners import MANNERS
from verdicts import Verdicts, require

OPTIONS_OF_MODE = {
    "none": lambda told: [],
    "managed": lambda told: ["--sse", "managed"],
    "kms": lambda told: ["--sse", "kms", "--sse-kms-key-id", told["kms_key_id"], "--sse-kms-context", '{"a":"b c"}'],
    "customer": lambda told: ["--sse-key", f"file:{told['customer_key_file']}"],
}

# The exit code for what the options ask for in vain.
CONFIG = 2


class Sealift:
    """The binary, and how it reaches the store."""

    def __init__(self, binary, told, port, ca_cert, home):
        self.binary, self.told, self.manner = binary, told, MANNERS[told["manner"]]
        self.reach = ["--region", told["region"]]
        if self.manner.endpoint:
            self.reach += ["--endpoint", self.manner.endpoint.format(region=told["region"], port=port)]
        if self.manner.dialled:
            self.reach += ["--connect-to", f"127.0.0.1:{port}"]
        if self.manner.over_tls:
            self.reach += ["--ca-cert", str(ca_cert)]
        self.cache = home / "cache"
        # Nothing of the caller's own proxies, files, journals, and of what was found out about endpoints.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CACHE_HOME": str(self.cache),
            **{name: os.environ[name] for name in self.manner.dialect.credentials if name in os.environ},
        }

    def run(self, *arguments):
        """Runs a command; the result has `returncode`, `stdout` and `stderr`."""
        return subprocess.run(
            [self.binary, *arguments], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
        )

    def url(self, key):
        return f"{self.manner.dialect.scheme}://{self.told['bucket']}/{key}"

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
        reported = sealift.manner.dialect.unasked if mode == "none" else mode
        with verdicts.trial("put", key):
            options = OPTIONS_OF_MODE[mode](told)
            if key.endswith("plain.bin"):
                # Headers whose values an encoder may stumble on.
                options += ["--meta", "note=a b+c%20/~*()!", "--content-type", "text/plain; charset=utf-8"]
                options += ["--storage-class", "STANDARD_IA", "--acl", "private", "--tag", "k 1=v+2"]
            receipt = sealift.ok("put", it["source"], sealift.url(key), "--part-size", str(told["part_size"]), *options)
            require(receipt["size"] == it["size"], f"the receipt says {receipt['size']} bytes")
            require(receipt["sse"]["mode"] == reported, f"the receipt says {receipt['sse']}")
            in_parts = sealift.manner.sent_in_parts(it["size"])
            require(bool(receipt.get("upload_id")) == in_parts, f"upload_id {receipt.get('upload_id')!r}")
        with verdicts.trial("stat", key):
            found = sealift.ok("stat", sealift.url(key), *reading(told, mode))
            require(found["size"] == it["size"], f"stat says {found['size']} bytes")
            require(found["sse"]["mode"] == reported, f"stat says {found['sse']}")
        with verdicts.trial("get", key):
            fetch(sealift, told, mode, key, it["source"])
    with verdicts.trial("finding", "what was found out about the endpoint"):
        kept = sealift.cache / "sealift" / "endpoints.json"
        found = [it["proof"] for it in json.loads(kept.read_text()).values()] if kept.exists() else []
        expected = [it for it in [sealift.manner.finding] if it]
        require(found == expected, f"found {found}, expected {expected}")


def keep_keys_back(sealift, told, verdicts):
    """Over HTTP no call may take a customer key, and nothing may be sent."""
    url, key = sealift.url("customer/guarded"), OPTIONS_OF_MODE["customer"](told)
    for call in (["put", told["small"], url], ["put", told["large"], url], ["stat", url], ["get", url, "-"]):
        with verdicts.trial("no key over HTTP", " ".join(call)):
            done = sealift.run(*call, *key, *sealift.reach)
            require(done.returncode == CONFIG, f"exit {done.returncode}")
            require(b"never sent over plain HTTP" in done.stderr, done.stderr.decode(errors="replace")[-600:])


def fetch(sealift, told, mode, key, source):
    """Downloads an object and compares it with its source, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, "fetched")
        done = sealift.run("get", sealift.url(key), str(target), *reading(told, mode), *sealift.reach)
        require(done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")
        require(target.read_bytes() == pathlib.Path(source).read_bytes(), "the bytes differ")


def get_all(sealift, told, verdicts, uploader):
    for mode in sealift.manner.modes:
        for kind, source in (("small", told["small"]), ("large", told["large"])):
            key = f"{mode}/by {uploader}/{kind} (1).bin"
            with verdicts.trial(f"get what {uploader} put", key):
                fetch(sealift, told, mode, key, source)
    if "customer" not in sealift.manner.modes:
        return
    wrong = ["--sse-key", f"file:{told['wrong_key_file']}"]
    for case, options in (("no key, no bytes", []), ("a wrong key, no bytes", wrong)):
        with verdicts.trial(f"get what {uploader} put", case):
            url = sealift.url(f"customer/by {uploader}/small (1).bin")
            done = sealift.run("get", url, "-", *options, *sealift.reach)
            require(done.returncode != 0 and not done.stdout, f"exit {done.returncode}, {len(done.stdout)} bytes")


def main(what, binary, folder, *rest):
    folder = pathlib.Path(folder)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    if what == "put":
        settings, manner = rest
        lines = pathlib.Path(settings).read_text().splitlines()
        store = dict(line.split("=", 1) for line in lines if "=" in line)
        told = prepare(folder, manner, store, os.environ.get(MANNERS[manner].dialect.credentials[2]))
        port = (folder / "recorder" / "port").read_text()
        verdicts = Verdicts(f"{manner}: sealift")
        sealift = Sealift(binary, told, port, folder / "recorder" / "ca.pem", home)
        put_all(sealift, told, verdicts)
        if not sealift.manner.over_tls:
            keep_keys_back(sealift, told, verdicts)
        verdicts.at_least(3 * len(told["objects"]))
    else:
        told = json.loads((folder / "manifest.json").read_text())
        verdicts = Verdicts(f"{told['manner']}: sealift, after SDKs")
        sealift = Sealift(binary, told, (folder / "store.port").read_text().strip(), told["ca_cert"], home)
        for uploader in rest:
            get_all(sealift, told, verdicts, uploader)
        verdicts.at_least(2 * len(sealift.manner.modes) * len(rest))


if __name__ == "__main__":
    main(*sys.argv[1:])
