"""boto3 reads back what sealift uploaded to S3, and uploads for sealift to read.

    read_back_s3.py FOLDER SETTINGS

SETTINGS is what `sealift serve --dialect s3` wrote. The token of temporary credentials is the manifest's. Where there
is TLS, the store is asked by the names that it has at AWS.
"""

import base64
import json
import pathlib
import sys
import urllib.parse

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from manners import MANNERS
from s3_store import Encryption, Store, checksum, customer, stay_here
from verdicts import Verdicts, require


class Reader:
    """A client, and what it has to know of the encryption."""

    def __init__(self, told, store, verdicts):
        self.told, self.verdicts = told, verdicts
        host = {}
        if store.ca_cert:
            port = urllib.parse.urlsplit(store.endpoint).port
            host = {"endpoint": f"https://s3.{store.region}.amazonaws.com:{port}", "addressing": "virtual"}
        self.client = store.client(**host)
        self.sse = Encryption(store.region, base64.b64decode(told["customer_key"]["key"]))
        self.wrong = customer(base64.b64decode(told["wrong_key"]["key"]))

    def read(self, it):
        mode, key, source = it["mode"], it["key"], pathlib.Path(it["source"]).read_bytes()
        where, opens = {"Bucket": self.told["bucket"], "Key": key}, self.sse.later(mode)
        with self.verdicts.trial("head_object", key):
            head = self.client.head_object(ChecksumMode="ENABLED", **where, **opens)
            self.sse.check(mode, head)
            require(head["ContentLength"] == it["size"], f"{head['ContentLength']} bytes")
            # However sealift sent the bytes, this is what the store has of them, and what awscrt makes of them.
            found, expected = (head.get("ChecksumCRC64NVME"), head.get("ChecksumType")), checksum("CRC64NVME", source)
            require(found == (expected, "FULL_OBJECT"), f"the checksum is {found}, not {expected}")
            if key.endswith("plain.bin"):
                found = {name: head.get(name) for name in ("ContentType", "StorageClass", "Metadata")}
                require(found["ContentType"] == "text/plain; charset=utf-8", f"{found}")
                require(found["StorageClass"] == "STANDARD_IA", f"{found}")
                require(found["Metadata"].get("note") == "a b+c%20/~*()!", f"{found}")
        with self.verdicts.trial("get_object", key):
            answer = self.client.get_object(**where, **opens)
            data = answer["Body"].read()
            require(data == source, f"{len(data)} bytes, and not those of the source")
            self.sse.check(mode, answer)
        if mode == "customer":
            for name, opens, status in (("no key", {}, 400), ("a wrong key", self.wrong, 403)):
                self.refused(f"get_object with {name}", key, status, lambda: self.client.get_object(**where, **opens))
                self.refused(f"head_object with {name}", key, status, lambda: self.client.head_object(**where, **opens))

    def refused(self, check, case, status, call):
        with self.verdicts.trial(check, case):
            try:
                call()
            except ClientError as error:
                found = error.response["ResponseMetadata"]["HTTPStatusCode"]
                require(found == status, f"refused with {found}, not {status}: {error}")
            else:
                raise AssertionError("was not refused")

    def nothing_unfinished(self):
        with self.verdicts.trial("list_multipart_uploads", "sealift left nothing unfinished"):
            left = self.client.list_multipart_uploads(Bucket=self.told["bucket"]).get("Uploads", [])
            require(not left, f"{[it['Key'] for it in left]}")

    def upload(self, mode):
        bucket, part_size = self.told["bucket"], self.told["part_size"]
        with self.verdicts.trial("put_object", mode):
            body = pathlib.Path(self.told["small"]).read_bytes()
            key = f"{mode}/by boto3/small (1).bin"
            put = self.client.put_object(Bucket=bucket, Key=key, Body=body, **self.sse.opening(mode))
            self.sse.check(mode, put)
        with self.verdicts.trial("upload_file", mode):
            key = f"{mode}/by boto3/large (1).bin"
            config = TransferConfig(multipart_threshold=part_size, multipart_chunksize=part_size, max_concurrency=3)
            extra = self.sse.opening(mode)
            self.client.upload_file(self.told["large"], bucket, key, ExtraArgs=extra, Config=config)
            head = self.client.head_object(Bucket=bucket, Key=key, **self.sse.later(mode))
            require(head["ETag"].endswith('-4"'), f"not four parts: {head['ETag']}")


def main(folder, settings):
    stay_here()
    told = json.loads((pathlib.Path(folder) / "manifest.json").read_text())
    verdicts = Verdicts(f"{told['manner']}: boto3")
    reader = Reader(told, Store(settings, told["token"]), verdicts)
    for it in told["objects"]:
        reader.read(it)
    reader.nothing_unfinished()
    for mode in MANNERS[told["manner"]].modes:
        reader.upload(mode)
    verdicts.at_least(2 * len(told["objects"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
