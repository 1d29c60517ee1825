"""The store that boto3 is to speak to, and clients for it in every manner."""

import base64
import hashlib
import pathlib
import socket
import zlib

import awscrt.checksums
import boto3
from botocore.config import Config
from cases import KMS_KEY_ID

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


class Store:
    """What `sealift serve` wrote when it was ready."""

    def __init__(self, path, token=None):
        lines = pathlib.Path(path).read_text().splitlines()
        told = dict(line.split("=", 1) for line in lines if "=" in line)
        self.endpoint = told["SEALIFT_ENDPOINT"]
        self.ca_cert = told.get("SEALIFT_CA_CERT")
        self.bucket = told["SEALIFT_BUCKET"]
        self.region = told["SEALIFT_REGION"]
        self.account = (told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"], token)

    def client(self, *, addressing="path", account=None, region=None, endpoint=None, **more):
        """A client. One try: what is refused must be refused at once, and what works must work at once."""
        access_key, secret_key, token = account or self.account
        config = Config(
            signature_version="s3v4", s3={"addressing_style": addressing, **more}, retries={"total_max_attempts": 1}
        )
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            verify=self.ca_cert,
            region_name=region or self.region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=token,
            config=config,
        )


def stay_here():
    """Sends every name to this machine, so that a client can ask for hosts of the real store."""
    ask = socket.getaddrinfo
    socket.getaddrinfo = lambda _host, port, *rest, **named: ask("127.0.0.1", port, *rest, **named)


class Encryption:
    """What calls say, and what answers must say, in each mode."""

    def __init__(self, region, key):
        self.region = region
        self.key = key

    def opening(self, mode):
        """What goes with Create and PUT."""
        return {
            "none": {},
            "managed": {"ServerSideEncryption": "AES256"},
            "kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KMS_KEY_ID},
            "customer": customer(self.key),
        }[mode]

    def later(self, mode):
        """What goes with parts and reads."""
        return customer(self.key) if mode == "customer" else {}

    def check(self, mode, answer):
        """Compares an answer's confirmation with what was asked."""
        expected = {
            "none": {"ServerSideEncryption": "AES256"},
            "managed": {"ServerSideEncryption": "AES256"},
            "kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn(self.region)},
            "customer": {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": key_md5(self.key)},
        }[mode]
        names = ("ServerSideEncryption", "SSEKMSKeyId", "SSECustomerAlgorithm", "SSECustomerKeyMD5")
        found = {name: answer[name] for name in names if name in answer}
        if found != expected:
            raise AssertionError(f"the answer confirms {found}, not {expected}")


def arn(region):
    return f"arn:aws:kms:{region}:111122223333:key/{KMS_KEY_ID}"


def customer(key):
    """A customer key as boto3 takes it where it encodes for itself."""
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def customer_encoded(key):
    """The same for Complete and ListParts, where boto3 leaves the encoding to its user."""
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": key_md5(key),
    }


def key_md5(key):
    return base64.b64encode(hashlib.md5(key).digest()).decode()


def checksum(algorithm, data):
    """A checksum as S3 writes it."""
    binary = {
        "CRC32": lambda: zlib.crc32(data).to_bytes(4, "big"),
        "CRC32C": lambda: awscrt.checksums.crc32c(data).to_bytes(4, "big"),
        "CRC64NVME": lambda: awscrt.checksums.crc64nvme(data).to_bytes(8, "big"),
        "SHA1": lambda: hashlib.sha1(data).digest(),
        "SHA256": lambda: hashlib.sha256(data).digest(),
    }[algorithm]()
    return base64.b64encode(binary).decode()


def composite(algorithm, parts):
    """The checksum of the parts' checksums."""
    binary = b"".join(base64.b64decode(checksum(algorithm, part)) for part in parts)
    return f"{checksum(algorithm, binary)}-{len(parts)}"
