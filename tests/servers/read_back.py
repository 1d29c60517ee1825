"""Large objects that sealift has put, read by boto3, and looked for in the server's own files.

    read_back.py BINARY WORK ENV_FILE

In each mode that the server does, sealift puts one file of SEALIFT_SERVERS_MIB MiB (256). boto3 reads it back, compares
every byte, and is refused without the key or with another. Then the server's folder is searched for a text that the
file repeats: it must not be found, until the last object, which is not encrypted, shows that the search finds it.
"""

import os
import pathlib
import random
import sys
import time

from peer import KEY, MIB, OTHER_KEY, Peer, note, under
from verdicts import Verdicts, eprint, require

# Often enough that it lies whole in any piece that a server cuts.
EVERY = 64 << 10


def make(path, size, text):
    """A file of `size` bytes that do not repeat but for `text`."""
    rng = random.Random(20260101)
    block = bytearray(rng.randbytes(MIB))
    with open(path, "wb") as file:
        for number in range(size // MIB):
            for at in range(0, MIB, EVERY):
                block[at : at + len(text)] = text
                block[at + len(text) : at + len(text) + 8] = (number * MIB + at).to_bytes(8, "big")
            file.write(block)


def same(body, path):
    """Compares a stream with a file, byte for byte."""
    with open(path, "rb") as file:
        while True:
            ours = file.read(4 * MIB)
            theirs = body.read(len(ours)) if ours else body.read(1)
            if ours != theirs:
                return False
            if not ours:
                return True


def found(folder, text):
    """How many files in `folder` hold `text`. Holes in sparse files hold nothing, and are skipped."""
    return sum(holds(path, text) for path in pathlib.Path(folder).rglob("*") if path.is_file() and not path.is_symlink())


def holds(path, text):
    with open(path, "rb") as file:
        end, at = file.seek(0, os.SEEK_END), 0
        while at < end:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return False
            stop, tail = os.lseek(file.fileno(), at, os.SEEK_HOLE), b""
            file.seek(at)
            while at < stop:
                piece = file.read(min(8 * MIB, stop - at))
                if not piece:
                    return False
                if text in tail + piece:
                    return True
                at, tail = at + len(piece), piece[-len(text) :]
    return False


def judge(peer, binary, verdicts, source, text):
    for mode in peer.modes():
        key, sealift = f"large/{mode}", peer.sealift(binary, mode)
        began = time.monotonic()
        with verdicts.trial("put", mode):
            code, receipt, said = sealift.end(sealift.put(source, key, "--part-size", "8MiB"))
            require(code == 0, f"exit {code}: {said[-600:]}")
            require(receipt["sse"]["mode"] == mode, f"the receipt says {receipt['sse']}")
            echoes = {"echo:parts"} if mode != "none" else set()
            require(echoes <= set(receipt["verified"]), f"the receipt says {receipt['verified']}")
        put, began = time.monotonic() - began, time.monotonic()
        given = under(KEY) if mode == "customer" else {}
        with verdicts.trial("read by boto3", mode):
            answer, words = peer.ask("get_object", Key=key, **given)
            require(answer is not None, words)
            said = answer.get("ServerSideEncryption") or answer.get("SSECustomerAlgorithm")
            require(said == {"none": None, "kms": "aws:kms"}.get(mode, "AES256"), f"the server says {said}")
            require(same(answer["Body"], source), "the bytes differ")
            note(peer.name, mode, "read by boto3", "same bytes")
        eprint(f"{peer.name}, {mode}: put {put:.1f} s, read {time.monotonic() - began:.1f} s")
        if mode == "customer":
            for name, other in (("no key", {}), ("another key", under(OTHER_KEY))):
                with verdicts.trial("refused by the server", name):
                    answer, words = peer.ask("get_object", Key=key, **other)
                    require(answer is None and words.startswith("4"), words)
        with verdicts.trial("plain text in its files", mode):
            count = found(peer.env["S3_DATA_DIR"], text)
            # The object without encryption is the last: it shows that the search finds what is there.
            require((count > 0) == (mode == "none"), f"found in {count} files")
            note(peer.name, mode, "plain text in its files", "yes" if count else "none")


def main(binary, work, env_file):
    peer = Peer(env_file, work)
    verdicts = Verdicts(f"boto3 on {peer.name}")
    source = peer.work / "large"
    text = b"this text is only in the file that is uploaded " + bytes(range(16))
    if not source.exists():
        make(source, int(os.environ.get("SEALIFT_SERVERS_MIB", "256")) * MIB, text)
    judge(peer, binary, verdicts, source, text)
    verdicts.at_least(3 * len(peer.modes()))


if __name__ == "__main__":
    main(*sys.argv[1:])
