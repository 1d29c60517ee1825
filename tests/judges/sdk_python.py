"""cos-python-sdk-v5 as a client: every call under every mode, one row each.

    sdk_python.py FOLDER STORE

FOLDER has the manifest; STORE is the folder of one store: its name, its tunnel's `port`, and `ca`, which names its
authority's file.
"""

import io
import json
import logging
import pathlib
import sys

from manners import MODES
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from read_back import check_echo, customer, encryption
from rows import Otherwise, Rows

MIB = 1 << 20


def problem(error):
    """A refusal by its status and code; a HEAD has no code to tell."""
    if isinstance(error, CosServiceError):
        code = error.get_error_code()
        return f"{error.get_status_code()} {code}" if code and code != "Unknown" else str(error.get_status_code())
    if isinstance(error, Otherwise):
        return str(error)
    return f"{type(error).__name__}: {error}"[:120]


class Client:
    """One mode on one store."""

    def __init__(self, told, store, rows, mode):
        self.told, self.store, self.rows, self.mode = told, store, rows, mode
        self.cos = self.fresh()
        self.bucket = told["bucket"]
        self.small = pathlib.Path(told["small"]).read_bytes()
        self.large = pathlib.Path(told["large"]).read_bytes()
        self.writing = encryption(told, mode)
        self.reading = customer(told["customer_key"]) if mode == "customer" else {}

    def fresh(self):
        """A client as a program has that has just been started."""
        config = CosConfig(
            Region=self.told["region"],
            SecretId=self.told["secret_id"],
            SecretKey=self.told["secret_key"],
            Proxies={"https": f"http://127.0.0.1:{(self.store / 'port').read_text()}"},
            VerifySSL=(self.store / "ca").read_text().strip(),
        )
        # From one byte on, a copy to another storage class goes in parts; by default from 5 GiB on.
        config.set_copy_part_threshold_size(1)
        return CosS3Client(config, retry=0)

    def at(self, name):
        return {"Bucket": self.bucket, "Key": f"python/{self.mode}/{name}"}

    def row(self, call, body):
        return self.rows.row(call, self.mode, body, problem)

    def same(self, name, expected):
        """Reads an object back, and compares its bytes and the confirmation of its encryption."""
        answer = self.cos.get_object(**self.at(name), **self.reading)
        if answer["Body"].get_raw_stream().read() != expected:
            raise Otherwise("other bytes")
        self.confirmed(answer)
        return "same bytes, confirmed" if self.mode != "none" else "same bytes"

    def confirmed(self, answer):
        try:
            check_echo(self.told, self.mode, answer)
        except AssertionError as error:
            raise Otherwise(f"done, but {error}") from error

    def wrote(self, answer, name, expected):
        """An upload whose own answer confirms the encryption, too."""
        self.confirmed(answer)
        return self.same(name, expected)

    def refused(self, call, body):
        def judged():
            try:
                body()
            except CosServiceError as error:
                if error.get_status_code() in (400, 403):
                    return f"refused, {problem(error)}"
                raise
            raise Otherwise("was not refused")

        self.row(call, judged)


def objects(it):
    def head():
        answer = it.cos.head_object(**it.at("small"), **it.reading)
        it.confirmed(answer)
        if int(answer["Content-Length"]) != len(it.small):
            raise Otherwise(f"{answer['Content-Length']} bytes")
        return "size, confirmed" if it.mode != "none" else "size"

    def part_of_it():
        answer = it.cos.get_object(**it.at("small"), Range="bytes=1000-4095", **it.reading)
        if answer["Body"].get_raw_stream().read() != it.small[1000:4096]:
            raise Otherwise("other bytes")
        it.confirmed(answer)
        return "same bytes, confirmed" if it.mode != "none" else "same bytes"

    def put():
        return it.wrote(it.cos.put_object(**it.at("small"), Body=it.small, EnableMD5=True, **it.writing), "small", it.small)

    it.row("put_object", put)
    it.row("head_object", head)
    it.row("get_object", lambda: it.same("small", it.small))
    it.row("get_object, a range", part_of_it)
    if it.mode == "customer":
        wrong = customer(it.told["wrong_key"])
        for name, key in (("no key", {}), ("a wrong key", wrong)):
            it.refused(f"head_object, {name}", lambda: it.cos.head_object(**it.at("small"), **key))
            it.refused(f"get_object, {name}", lambda: it.cos.get_object(**it.at("small"), **key))
            it.refused(
                f"get_object, a range, {name}",
                lambda: it.cos.get_object(**it.at("small"), Range="bytes=0-9", **key),
            )


def parts(it):
    at, upload, sent = it.at("by parts"), {}, []

    def initiate():
        upload["UploadId"] = it.cos.create_multipart_upload(**at, **it.writing)["UploadId"]
        return "an upload"

    def part():
        for first in range(0, len(it.large), MIB):
            number, body = len(sent) + 1, it.large[first : first + MIB]
            answer = it.cos.upload_part(**at, **upload, PartNumber=number, Body=body, EnableMD5=True, **it.reading)
            it.confirmed(answer)
            sent.append({"PartNumber": number, "ETag": answer["ETag"]})
        return f"{len(sent)} parts, confirmed" if it.mode != "none" else f"{len(sent)} parts"

    def list_parts():
        answer = it.cos.list_parts(**at, **upload)
        found = [(part["PartNumber"], part["Size"]) for part in answer["Part"]]
        if found != [("1", str(MIB)), ("2", str(MIB)), ("3", str(MIB)), ("4", "17")]:
            raise Otherwise(f"lists {found}")
        return "4 parts with their sizes"

    def list_uploads():
        answer = it.cos.list_multipart_uploads(Bucket=it.bucket, Prefix=at["Key"])
        if [(each["Key"], each["UploadId"]) for each in answer["Upload"]] != [(at["Key"], upload["UploadId"])]:
            raise Otherwise("lists others")
        return "the upload"

    def complete():
        return it.wrote(it.cos.complete_multipart_upload(**at, **upload, MultipartUpload={"Part": sent}), "by parts", it.large)

    def abort():
        one = it.cos.create_multipart_upload(**it.at("aborted"), **it.writing)
        it.cos.abort_multipart_upload(**it.at("aborted"), UploadId=one["UploadId"])
        try:
            it.cos.list_parts(**it.at("aborted"), UploadId=one["UploadId"])
        except CosServiceError as error:
            if error.get_error_code() == "NoSuchUpload":
                return "the upload is gone"
            raise
        raise Otherwise("the upload is still there")

    it.row("create_multipart_upload", initiate)
    it.row("list_multipart_uploads", list_uploads)
    if it.mode == "customer":
        for name, key in (("no key", {}), ("a wrong key", customer(it.told["wrong_key"]))):
            it.refused(f"upload_part, {name}", lambda: it.cos.upload_part(**at, **upload, PartNumber=1, Body=b"x", **key))
    it.row("upload_part", part)
    it.row("list_parts", list_parts)
    it.row("complete_multipart_upload", complete)
    it.row("abort_multipart_upload", abort)


def copies(it):
    """To this mode, from an object without encryption and from one under another customer key."""
    other = customer(it.told["wrong_key"])
    unlocking = {f"CopySource{name}": value for name, value in other.items()}
    for name, body in (("source", it.small), ("large source", it.large)):
        it.cos.put_object(**it.at(name), Body=body)
        it.cos.put_object(**it.at(f"locked {name}"), Body=body, **other)

    def source(name):
        return {**it.at(name), "Region": it.told["region"]}

    def in_parts(name, from_what, **key):
        upload = it.cos.create_multipart_upload(**it.at(name), **it.writing)["UploadId"]
        sent = []
        for first in (0, MIB):
            last = MIB - 1 if first == 0 else len(it.large) - 1
            answer = it.cos.upload_part_copy(
                **it.at(name),
                PartNumber=len(sent) + 1,
                UploadId=upload,
                CopySource=source(from_what),
                CopySourceRange=f"bytes={first}-{last}",
                **it.reading,
                **key,
            )
            sent.append({"PartNumber": len(sent) + 1, "ETag": answer["ETag"]})
        it.cos.complete_multipart_upload(**it.at(name), UploadId=upload, MultipartUpload={"Part": sent})
        return it.same(name, it.large)

    def copy_object(from_what, **key):
        it.cos.copy_object(**it.at("copied"), CopySource=source(from_what), **it.writing, **key)
        return it.same("copied", it.small)

    def copy(from_what, **key):
        it.cos.copy(**it.at("copied high"), CopySource=source(from_what), **it.writing, **key)
        return it.same("copied high", it.large)

    def copy_in_parts(from_what, **key):
        it.cos.copy(
            **it.at("copied apart"), CopySource=source(from_what), PartSize=1, StorageClass="STANDARD_IA", **it.writing, **key
        )
        answer = it.cos.head_object(**it.at("copied apart"), **it.reading)
        if not answer["ETag"].strip('"').endswith("-4"):
            raise Otherwise(f"not four parts: {answer['ETag']}")
        return it.same("copied apart", it.large)

    it.row("copy_object", lambda: copy_object("source"))
    it.row("copy_object of a customer key's", lambda: copy_object("locked source", **unlocking))
    it.refused("copy_object of a customer key's, no key", lambda: copy_object("locked source"))
    it.row("upload_part_copy", lambda: in_parts("apart", "large source"))
    it.row("upload_part_copy of a customer key's", lambda: in_parts("apart", "locked large source", **unlocking))
    it.row("copy", lambda: copy("large source"))
    it.row("copy of a customer key's", lambda: copy("locked large source", **unlocking))
    it.row("copy, in parts", lambda: copy_in_parts("large source"))
    it.row("copy, in parts, of a customer key's", lambda: copy_in_parts("locked large source", **unlocking))


def files(it):
    def upload(name, path, expected):
        answer = it.cos.upload_file(**it.at(name), LocalFilePath=path, PartSize=1, MAXThread=3, EnableMD5=True, **it.writing)
        return it.wrote(answer, name, expected)

    def resumed():
        cut, resuming = it.fresh(), it.fresh()
        sent = []

        def cutting(*given, **named):
            if given[3] == 3:
                raise ConnectionError("cut off")
            return CosS3Client.upload_part(cut, *given, **named)

        def counting(*given, **named):
            sent.append(given[3])
            return CosS3Client.upload_part(resuming, *given, **named)

        cut.upload_part, resuming.upload_part = cutting, counting
        given = {**it.at("resumed"), "LocalFilePath": it.told["large"], "PartSize": 1, "MAXThread": 1, **it.writing}
        try:
            cut.upload_file(**given)
            raise Otherwise("the cut was not noticed")
        except Otherwise:
            raise
        except Exception:  # noqa: BLE001 - the SDK has its own error for it
            pass
        resuming.upload_file(**given)
        it.same("resumed", it.large)
        if sent != [3]:
            left = it.cos.list_multipart_uploads(Bucket=it.bucket, Prefix=it.at("resumed")["Key"]).get("Upload", [])
            raise Otherwise(f"began anew: sent {len(sent)} of 4 parts where 1 was missing, left {len(left)} upload behind")
        return "went on: sent the 1 missing part of 4; same bytes"

    def from_buffer():
        answer = it.cos.upload_file_from_buffer(**it.at("buffered"), Body=io.BytesIO(it.large), PartSize=1, **it.writing)
        return it.wrote(answer, "buffered", it.large)

    def download():
        target = it.store / "downloaded"
        it.cos.download_file(
            **it.at("by file"), DestFilePath=str(target), PartSize=1, EnableCRC=True, DumpRecordDir=str(it.store), **it.reading
        )
        if target.read_bytes() != it.large:
            raise Otherwise("other bytes")
        return "same bytes"

    it.row("upload_file, small", lambda: upload("by small file", it.told["small"], it.small))
    it.row("upload_file", lambda: upload("by file", it.told["large"], it.large))
    it.row("upload_file, interrupted and resumed", resumed)
    it.row("upload_file_from_buffer", from_buffer)
    it.row("download_file", download)


def main(folder, store):
    logging.disable(logging.CRITICAL)
    folder, store = pathlib.Path(folder), pathlib.Path(store)
    told = json.loads((folder / "manifest.json").read_text())
    rows = Rows("cos-python-sdk-v5", store.name)
    for mode in MODES:
        it = Client(told, store, rows, mode)
        for calls in (objects, parts, copies, files):
            calls(it)


if __name__ == "__main__":
    main(*sys.argv[1:])
