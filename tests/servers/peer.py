"""A server that is up, a client for it that is not ours, and `sealift` set up for it."""

import json
import os
import pathlib
import subprocess

import boto3
import botocore.exceptions
from botocore.config import Config

MIB = 1 << 20
KEY, OTHER_KEY = b"\x4b" * 32, b"\x4f" * 32


class Peer:
    """One server, by the file with the lines that its `start` has printed."""

    def __init__(self, env_file, work):
        lines = pathlib.Path(env_file).read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if "=" in line)
        self.bucket = self.env["S3_BUCKET"]
        major, minor = self.env["S3_SERVER_VERSION"].split(".")[:2]
        kind = self.env["S3_SERVER"]
        self.kind = kind
        if kind == "ceph-rgw":
            self.kind = "rgw-16" if int(major) < 18 else "rgw-18" if int(major) < 20 else "rgw-20"
        words = {"ceph-rgw": "Ceph RGW", "seaweedfs": "SeaweedFS", "garage": "Garage"}
        self.name = f"{words[kind]} {major}.{minor}"
        self.work = pathlib.Path(work)
        self.client = boto3.client(
            "s3",
            endpoint_url=self.env["S3_ENDPOINT_HTTPS"],
            aws_access_key_id=self.env["S3_ACCESS_KEY"],
            aws_secret_access_key=self.env["S3_SECRET_KEY"],
            region_name=self.env["S3_REGION"],
            verify=self.env["S3_CA_FILE"],
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=10,
                read_timeout=120,
            ),
        )

    def modes(self):
        """The modes that it really does."""
        return {
            "seaweedfs": ["customer", "kms", "managed", "none"],
            "garage": ["customer", "none"],
        }.get(self.kind, ["customer", "kms", "none"])

    def ask(self, call, **given):
        """The answer, and its status with the code of a refusal, as `404 NoSuchKey`."""
        try:
            answer = getattr(self.client, call)(Bucket=self.bucket, **given)
            return answer, str(answer["ResponseMetadata"]["HTTPStatusCode"])
        except botocore.exceptions.ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "?")
            return None, f"{status} {error.response['Error'].get('Code', '')}".strip()
        except botocore.exceptions.HTTPClientError as error:
            return None, f"connection closed ({type(error).__name__})"

    def sealift(self, binary, mode=None):
        return Sealift(self, binary, mode)


class Sealift:
    """The binary, with a home of its own and nothing else of the caller's."""

    def __init__(self, peer, binary, mode):
        self.peer, self.binary, self.mode = peer, binary, mode
        self.home = peer.work / f"home-{peer.kind}-{mode}"
        self.home.mkdir(exist_ok=True)
        self.key_file = self.home / "key"
        self.key_file.write_bytes(KEY)
        self.key_file.chmod(0o600)
        env = peer.env
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "SEALIFT_ENDPOINT": env["S3_ENDPOINT_HTTPS"],
            "SEALIFT_CA_CERT": env["S3_CA_FILE"],
            "SEALIFT_REGION": env["S3_REGION"],
            "AWS_ACCESS_KEY_ID": env["S3_ACCESS_KEY"],
            "AWS_SECRET_ACCESS_KEY": env["S3_SECRET_KEY"],
        }

    def start(self, *words):
        return subprocess.Popen(
            [self.binary, "--json", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words):
        """Exit code, the value that was printed or nothing, and what was said."""
        return self.end(self.start(*words))

    @staticmethod
    def end(process, seconds=1800):
        stdout, stderr = process.communicate(timeout=seconds)
        value = json.loads(stdout) if process.returncode == 0 and stdout else None
        return process.returncode, value, stderr.decode(errors="replace")

    def put(self, source, key, *more):
        return self.start("put", str(source), self.url(key), *self.options(), *more)

    def url(self, key):
        return f"s3://{self.peer.bucket}/{key}"

    def options(self):
        return {
            "none": [],
            "managed": ["--sse", "managed"],
            "kms": ["--sse", "kms", "--sse-kms-key-id", self.peer.env.get("S3_KMS_KEY_ID", "")],
            "customer": ["--sse-key", f"file:{self.key_file}"],
        }[self.mode]


def under(key):
    """What boto3 wants to hear of a customer key."""
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def note(server, mode, column, value):
    """A field of the table."""
    if findings := os.environ.get("SEALIFT_TEST_FINDINGS"):
        with open(findings, "a", encoding="utf-8") as file:
            file.write(json.dumps({"server": server, "mode": mode, "column": column, "value": value}) + "\n")
