"""cos-python-sdk-v5 reads back what sealift uploaded, and uploads for sealift to read.

    read_back.py FOLDER
"""

import json
import pathlib
import sys

from manners import MODES
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from verdicts import Verdicts, require

ECHO = {
    "none": {},
    "managed": {"x-cos-server-side-encryption": "AES256"},
    "kms": {"x-cos-server-side-encryption": "cos/kms"},
    "customer": {"x-cos-server-side-encryption-customer-algorithm": "AES256"},
}


def customer(key):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key["key"], "SSECustomerKeyMD5": key["md5"]}


def encryption(told, mode):
    """What the SDK wants to hear at an upload."""
    return {
        "none": {},
        "managed": {"ServerSideEncryption": "AES256"},
        "kms": {"ServerSideEncryption": "cos/kms", "SSEKMSKeyId": told["kms_key_id"]},
        "customer": customer(told["customer_key"]),
    }[mode]


def plain(answer):
    """An answer's headers by their names in lower case: the SDK hands them on as they came."""
    return {name.lower(): value for name, value in answer.items()}


def check_echo(told, mode, answer):
    answer = plain(answer)
    for name, value in ECHO[mode].items():
        require(answer.get(name) == value, f"{name} is {answer.get(name)!r}")
    if mode == "kms":
        found = answer.get("x-cos-server-side-encryption-cos-kms-key-id")
        require(found == told["kms_key_id"], f"the KMS key is {found!r}")
    if mode == "customer":
        found = answer.get("x-cos-server-side-encryption-customer-key-md5")
        require(found == told["customer_key"]["md5"], f"the key's MD5 is {found!r}")
    if mode == "none":
        found = [name for name in answer if "server-side-encryption" in name]
        require(not found, f"an echo that nobody asked for: {found}")


def read(client, told, it, verdicts):
    where = {"Bucket": told["bucket"], "Key": it["key"]}
    key = customer(told["customer_key"]) if it["mode"] == "customer" else {}
    with verdicts.trial("head_object", it["key"]):
        answer = plain(client.head_object(**where, **key))
        require(answer["content-length"] == str(it["size"]), f"{answer['content-length']} bytes")
        check_echo(told, it["mode"], answer)
        if it["key"].endswith("plain.bin"):
            note = answer.get("x-cos-meta-note")
            require(note == "a b+c%20/~*()!", f"the metadata says {note!r}")
            kind = answer.get("content-type")
            require(kind == "text/plain; charset=utf-8", f"the type is {kind!r}")
    with verdicts.trial("get_object", it["key"]):
        answer = client.get_object(**where, **key)
        found = answer["Body"].get_raw_stream().read()
        require(found == pathlib.Path(it["source"]).read_bytes(), f"{len(found)} bytes, and not those of the source")
        check_echo(told, it["mode"], answer)
    if it["mode"] == "customer":
        for name, key in (("no key", {}), ("a wrong key", customer(told["wrong_key"]))):
            refused(verdicts, f"get_object with {name}", it["key"], lambda: client.get_object(**where, **key))
            refused(verdicts, f"head_object with {name}", it["key"], lambda: client.head_object(**where, **key))


def refused(verdicts, check, case, call):
    with verdicts.trial(check, case):
        try:
            call()
        except CosServiceError as error:
            require(error.get_status_code() in (400, 403), f"refused with {error.get_status_code()}")
        else:
            raise AssertionError("was not refused")


def upload(client, told, mode, verdicts):
    modes = encryption(told, mode)
    with verdicts.trial("put_object", mode):
        body = pathlib.Path(told["small"]).read_bytes()
        key = f"{mode}/by python/small (1).bin"
        check_echo(told, mode, client.put_object(Bucket=told["bucket"], Key=key, Body=body, **modes))
    with verdicts.trial("upload_file", mode):
        key = f"{mode}/by python/large (1).bin"
        answer = client.upload_file(
            Bucket=told["bucket"], Key=key, LocalFilePath=told["large"], PartSize=1, MAXThread=3, **modes
        )
        require(answer["ETag"].strip('"').endswith("-4"), f"not four parts: {answer['ETag']}")


def main(folder):
    folder = pathlib.Path(folder)
    told = json.loads((folder / "manifest.json").read_text())
    tunnel = f"http://127.0.0.1:{(folder / 'tunnel' / 'port').read_text()}"
    config = CosConfig(
        Region=told["region"],
        SecretId=told["secret_id"],
        SecretKey=told["secret_key"],
        Proxies={"https": tunnel},
        VerifySSL=told["ca_cert"],
    )
    # One try: what is refused must be refused at once, and what works must work at once.
    client = CosS3Client(config, retry=0)
    verdicts = Verdicts("cos: cos-python-sdk-v5")
    for it in told["objects"]:
        read(client, told, it, verdicts)
    for mode in MODES:
        upload(client, told, mode, verdicts)
    verdicts.at_least(2 * len(told["objects"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
