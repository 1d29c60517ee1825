"""What real servers do that others do not, asked by boto3, and what sealift makes of a part that somebody replaces.

    quirks.py BINARY WORK ENV_FILE

A server that changes its ways fails here: then it is time to look at what relies on them.
"""

import base64
import hashlib
import sys
import time

from peer import KEY, MIB, OTHER_KEY, Peer, note, under
from verdicts import Verdicts, require

PART = 5 * MIB

# By kind of server (see `Peer.kind`), or by what stands before its hyphen, or for all the others.
EXPECTED = {
    "ETag of Complete": {"rgw-16": "empty", "": "given"},
    "Complete again": {"garage": "404 NoSuchUpload", "": "200"},
    "Complete, parts out of order": {"rgw": "200", "": "400 InvalidPartOrder"},
    "Complete, some of the parts": {"rgw": "400 InvalidPart", "": "200"},
    "Complete with If-None-Match on a key that exists": {
        "rgw-16": "200",
        "rgw-18": "200",
        "garage": "200",
        "": "412 PreconditionFailed",
    },
    "UploadPart after a PUT of the key": {"garage": "404 NoSuchUpload", "": "200"},
    "ListParts after Abort": {"rgw": "404 NoSuchKey", "": "404 NoSuchUpload"},
    "ListParts of a part sent three times": {"seaweedfs": "3 times", "": "once"},
    "Create with AES256": {"rgw-16": "200, not confirmed", "rgw": "400 InvalidArgument", "seaweedfs": "200", "": "200, not confirmed"},
    "Create with a customer key": {"seaweedfs": "200, not confirmed", "": "200, confirmed"},
    "UploadPart with another key": {"seaweedfs": "200", "garage": "refused early", "": "400 InvalidArgument"},
    "UploadPart with no key": {"seaweedfs": "200", "garage": "refused early", "": "400 InvalidArgument"},
    "UploadPart, wrong Content-MD5": {"": "400 BadDigest"},
    "PutObject, wrong Content-MD5": {"": "400 BadDigest"},
    "UploadPart, wrong CRC-32C in the head": {"rgw-16": "200", "": "400 BadDigest"},
    "UploadPart, wrong CRC-64/NVME in the head": {"rgw": "200", "": "400 BadDigest"},
    "PutObject, wrong CRC-32C in the head": {"rgw": "200", "": "400 BadDigest"},
    "CRC-64/NVME of an object of one part, told by": {
        "rgw-16": "nobody",
        "rgw-20": "UploadPart, Complete, HEAD (as one of parts)",
        "": "UploadPart, Complete, HEAD",
    },
    "CRC-64/NVME of an object of two parts, told by": {"rgw-16": "nobody", "": "UploadPart, Complete, HEAD"},
    "Create, UploadPart with a KMS key that is not there": {
        "rgw-16": "403 InvalidAccessKeyId",
        "rgw": "400 InvalidArgument",
        "seaweedfs": "500 InternalError",
        "": "200",
    },
}


class Upload:
    """A multipart upload by boto3."""

    def __init__(self, peer, key, **given):
        self.peer, self.key = peer, f"quirks/{key}"
        self.created, self.words = peer.ask("create_multipart_upload", Key=self.key, **given)
        self.given = {"Key": self.key, "UploadId": self.created["UploadId"]} if self.created else {}
        self.parts = {}

    def part(self, number, size=PART, fill=b"p", **given):
        answer, words = self.peer.ask("upload_part", **self.given, PartNumber=number, Body=fill * size, **given)
        if answer:
            self.parts[number] = answer["ETag"]
        return words

    def complete(self, numbers=None, **given):
        numbers = sorted(self.parts) if numbers is None else numbers
        parts = [{"PartNumber": number, "ETag": self.parts[number]} for number in numbers]
        return self.peer.ask("complete_multipart_upload", **self.given, MultipartUpload={"Parts": parts}, **given)

    def listed(self):
        answer, words = self.peer.ask("list_parts", **self.given)
        return (answer.get("Parts", []) if answer else None), words

    def abort(self):
        self.peer.ask("abort_multipart_upload", **self.given)


def completes(peer):
    upload = Upload(peer, "complete")
    upload.part(1)
    upload.part(2, 10)
    answer, words = upload.complete()
    require(answer is not None, words)
    yield "ETag of Complete", "given" if answer.get("ETag", "").strip('"') else "empty"
    yield "Complete again", upload.complete()[1]
    for case, numbers in (("parts out of order", [2, 1]), ("some of the parts", [1])):
        upload = Upload(peer, "list")
        upload.part(1)
        upload.part(2)
        yield f"Complete, {case}", upload.complete(numbers)[1]
        upload.abort()


def writers(peer):
    upload = Upload(peer, "shared")
    peer.ask("put_object", Key=upload.key, Body=b"there")
    yield "UploadPart after a PUT of the key", upload.part(1, 10)
    upload.abort()
    upload = Upload(peer, "shared")
    upload.part(1, 10)
    yield "Complete with If-None-Match on a key that exists", upload.complete(IfNoneMatch="*")[1]
    upload.abort()


def lists(peer):
    upload = Upload(peer, "lists")
    for fill in (b"1", b"2", b"3"):
        upload.part(1, 10, fill)
    listed, words = upload.listed()
    require(listed is not None, words)
    yield "ListParts of a part sent three times", "once" if len(listed) == 1 else f"{len(listed)} times"
    upload.abort()
    yield "ListParts after Abort", upload.listed()[1]


def encryption(peer):
    upload = Upload(peer, "managed", ServerSideEncryption="AES256")
    words = upload.words
    if upload.created:
        answer, _ = peer.ask("upload_part", **upload.given, PartNumber=1, Body=b"x")
        words += "" if answer.get("ServerSideEncryption") else ", not confirmed"
        upload.abort()
    yield "Create with AES256", words
    upload = Upload(peer, "customer", **under(KEY))
    confirmed = bool(upload.created) and bool(upload.created.get("SSECustomerKeyMD5"))
    yield "Create with a customer key", f"{upload.words}, {'confirmed' if confirmed else 'not confirmed'}"
    for case, given in (("another key", under(OTHER_KEY)), ("no key", {})):
        words = upload.part(1, **given)
        yield f"UploadPart with {case}", "refused early" if words.startswith("connection closed") else words
    upload.abort()


def digests(peer):
    upload = Upload(peer, "digest")
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    yield "UploadPart, wrong Content-MD5", upload.part(1, 10, ContentMD5=wrong)
    upload.abort()
    yield "PutObject, wrong Content-MD5", peer.ask("put_object", Key="quirks/put", Body=b"p", ContentMD5=wrong)[1]
    for name, word, wrong in (("32C", "CRC32C", "AAAAAA=="), ("64/NVME", "CRC64NVME", "AAAAAAAAAAA=")):
        upload = Upload(peer, "digest", ChecksumAlgorithm=word, ChecksumType="FULL_OBJECT")
        yield f"UploadPart, wrong CRC-{name} in the head", upload.part(1, 10, **{f"Checksum{word}": wrong})
        upload.abort()
    put = peer.ask("put_object", Key="quirks/put", Body=b"p", ChecksumCRC32C="AAAAAA==")
    yield "PutObject, wrong CRC-32C in the head", put[1]


def tellers(peer):
    """Who tells a checksum that the upload was opened with, and that nobody else has told."""
    for count in ("one part", "two parts"):
        upload = Upload(peer, "told", ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")
        answers = {}
        for number in range(1, 2 if count == "one part" else 3):
            answer, words = peer.ask("upload_part", **upload.given, PartNumber=number, Body=b"p" * PART)
            require(answer is not None, words)
            upload.parts[number], answers["UploadPart"] = answer["ETag"], answer
        answers["Complete"], words = upload.complete(ChecksumType="FULL_OBJECT")
        require(answers["Complete"] is not None, words)
        answers["HEAD"], words = peer.ask("head_object", Key=upload.key, ChecksumMode="ENABLED")
        require(answers["HEAD"] is not None, words)
        sums = {name: answer.get("ChecksumCRC64NVME") for name, answer in answers.items()}
        told = [f"{name} (as one of parts)" if "-" in it else name for name, it in sums.items() if it]
        yield f"CRC-64/NVME of an object of {count}, told by", ", ".join(told) or "nobody"


def kms_keys(peer):
    upload = Upload(peer, "kms", ServerSideEncryption="aws:kms", SSEKMSKeyId="no-such-key")
    words = upload.words
    if upload.created:
        words = upload.part(1, 10)
        upload.abort()
    yield "Create, UploadPart with a KMS key that is not there", words


def expected(kind, quirk):
    table = EXPECTED[quirk]
    return next(table[it] for it in (kind, kind.split("-")[0], "") if it in table)


def replaced(peer, binary, verdicts, mode):
    """Somebody replaces a part under way: the object is the file, or there is none."""
    source = peer.work / "replaced"
    if not source.exists():
        source.write_bytes(b"".join(bytes([65 + number]) * PART for number in range(4)))
    key, sealift = f"quirks/replaced-{mode}", peer.sealift(binary, mode)
    given = under(KEY) if mode == "customer" else {}
    with verdicts.trial("a part is replaced by somebody", mode):
        process = sealift.put(source, key, "--part-size", "5MiB", "--limit-rate", "4MiB", "--concurrency", "1")
        try:
            upload = first_part(peer, key, process)
            answer, words = peer.ask(
                "upload_part", Key=key, UploadId=upload, PartNumber=1, Body=b"evil" * (PART // 4), **given
            )
            require(answer is not None, words)
            code, _, said = sealift.end(process)
        finally:
            process.kill()
        outcome = "the object is the file"
        if code != 0:
            require(code in (6, 8), f"exit {code}: {said[-600:]}")
            answer, _ = peer.ask("get_object", Key=key, **given)
            require(answer is None, "sealift says it failed, and there is an object")
            # What is left is in the journal, and the part that is not ours is sent again.
            again, receipt, said = sealift.end(sealift.put(source, key, "--part-size", "5MiB"))
            require(again == 0 and receipt["resumed_parts"] == 3, f"exit {again}: {said[-600:]}")
            outcome = f"exit {code}, and goes on"
        answer, words = peer.ask("get_object", Key=key, **given)
        require(answer is not None, words)
        require(answer["Body"].read() == source.read_bytes(), "sealift says it is done, and the bytes differ")
        uploads, _ = peer.ask("list_multipart_uploads", Prefix=key)
        require(not uploads.get("Uploads"), "an upload is left")
        note(peer.name, mode, "part replaced by others", outcome)


def first_part(peer, key, process):
    """Waits until the real first part is there; the upload's id."""
    for _ in range(600):
        uploads, _ = peer.ask("list_multipart_uploads", Prefix=key)
        for it in (uploads or {}).get("Uploads", []):
            parts, _ = peer.ask("list_parts", Key=key, UploadId=it["UploadId"])
            if any(part["Size"] == PART for part in (parts or {}).get("Parts", [])):
                return it["UploadId"]
        require(process.poll() is None, f"sealift has ended: {process.returncode}")
        time.sleep(0.05)
    raise AssertionError("there is never a part")


def main(binary, work, env_file):
    peer = Peer(env_file, work)
    verdicts = Verdicts(f"quirks of {peer.name}")
    for group in (completes, writers, lists, encryption, digests, tellers, kms_keys):
        with verdicts.trial("asked", group.__name__):
            for quirk, words in group(peer):
                verdicts.equal("quirk", quirk, words, expected(peer.kind, quirk))
                note(peer.name, "quirk", quirk, words)
    for mode in peer.modes():
        if mode in ("none", "customer"):
            replaced(peer, binary, verdicts, mode)
    verdicts.at_least(len(EXPECTED) + 7 + 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
