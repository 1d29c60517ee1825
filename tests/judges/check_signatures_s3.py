"""Judges every S3 request that the recorder saw, with the official signer.

    check_signatures_s3.py MANIFEST REQUESTS

`S3SigV4Auth` of botocore signs the recorded request again, at the recorded time, over the headers that our signature
names; the two `Authorization` values must be equal to the last character. It takes path and query as they stand, so a
target that is not written as it is signed fails here too. Then: whatever botocore would sign must be
signed, and whatever it would leave out must not be; each call must bring the token; and what the head says of the body
must agree with itself. Where the recording has the body (`body`, base64) of a framed request, its chunks and trailer
are signed again too, with the key that botocore derives. Last, each call must carry the three headers of the customer
key exactly where the service wants them, and an object's bytes must go in the framing of the manner.

The manifest is that of `cases.py`. A request is a line of `record.py`, over TLS unless its `scheme` says otherwise.
"""

import base64
import hashlib
import json
import re
import sys
from urllib.parse import parse_qsl, unquote

from botocore.auth import SIGNED_HEADERS_BLACKLIST, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from calls import Carriage, operation
from manners import MANNERS
from s3_store import checksum as awscrt_checksum
from verdicts import Verdicts

# The HTTP library adds them after a request is signed, with botocore as with us.
LATE = {"authorization", "accept", "accept-encoding"}
CHUNK = 128 << 10
CHECKSUMS = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
CHECKSUM_HEADERS = {f"x-amz-checksum-{it}" for it in CHECKSUMS}
EMPTY = hashlib.sha256().hexdigest()


class Official:
    """What the official signer says of one request."""

    def __init__(self, told, request, headers):
        scheme = request.get("scheme", "https")
        self.request = AWSRequest(request["method"], f"{scheme}://{headers['host']}{request['target']}", headers)
        self.request.context["timestamp"] = headers["x-amz-date"]
        credentials = Credentials(told["secret_id"], told["secret_key"], told["token"])
        self.signer = S3SigV4Auth(credentials, "s3", told["region"])

    def authorization(self):
        # Not `add_auth`: that takes the time from the clock, and the digest from a body that is not recorded.
        text = self.signer.string_to_sign(self.request, self.signer.canonical_request(self.request))
        self.signer._inject_signature_to_request(self.request, self.signer.signature(text, self.request))
        return self.request.headers["Authorization"]

    def next_in_chain(self, kind, *digests):
        scope = self.signer.credential_scope(self.request)
        text = "\n".join([kind, self.request.context["timestamp"], scope, *digests])
        return self.signer.signature(text, self.request)


def framed_len(length, signed, trailer):
    """How long a body is with everything around its chunks."""
    signature = len(";chunk-signature=") + 64 if signed else 0
    sizes = [CHUNK] * (length // CHUNK) + [length % CHUNK] * bool(length % CHUNK) + [0]
    total = length + sum(len(f"{size:x}") + signature + 4 for size in sizes)
    if trailer:
        value = base64.b64encode(bytes(CHECKSUMS[trailer.removeprefix("x-amz-checksum-")]))
        total += len(trailer) + 1 + len(value) + 2
        total += len("x-amz-trailer-signature:") + 64 + 2 if signed else 0
    return total


def judge_body(verdicts, case, request, headers):
    """What the head says of the body, by itself. Returns whether the body is framed, and signed."""
    payload = headers.get("x-amz-content-sha256", "")
    over_tls = request.get("scheme", "https") == "https"
    framed = payload.startswith("STREAMING-")
    signed = payload.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    known = re.fullmatch("[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-(AWS4-HMAC-SHA256|UNSIGNED)-PAYLOAD(-TRAILER)?", payload)
    sound = bool(known) and payload != "STREAMING-UNSIGNED-PAYLOAD"
    # What nobody signed must be under TLS, and what TLS protects is not signed again.
    sound &= over_tls != signed if framed or payload == "UNSIGNED-PAYLOAD" else True
    trailer = headers.get("x-amz-trailer")
    sound &= payload.endswith("-TRAILER") == (trailer is not None)
    codings = headers.get("content-encoding", "").split(",")
    sound &= (codings[0] == "aws-chunked") == framed and codings.count("aws-chunked") == framed
    decoded = headers.get("x-amz-decoded-content-length")
    sound &= framed == (decoded is not None)
    if sound and framed:
        sound = int(headers["content-length"]) == framed_len(int(decoded), signed, trailer)
    verdicts.say("body", case, sound, "" if sound else f"{payload} {trailer} {codings} {decoded}")
    return sound and framed, signed


def judge_chunks(verdicts, case, official, headers, body, previous):
    """Signs every chunk and the trailer again."""
    lengths, rest, size, decoded = [], body, None, b""
    while size != 0:
        line, rest = rest.split(b"\r\n", 1)
        told, _, signature = line.decode().partition(";chunk-signature=")
        size = int(told, 16)
        lengths.append(size)
        data, rest = rest[:size], rest[size:]
        decoded += data
        if size:
            verdicts.equal("chunk", f"{case} {len(lengths)} ends", rest[:2], b"\r\n")
            rest = rest[2:]
        digest = hashlib.sha256(data).hexdigest()
        previous = official.next_in_chain("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY, digest)
        verdicts.equal("chunk", f"{case} {len(lengths)}", signature, previous)
    whole = all(it == CHUNK for it in lengths[:-2]) and sum(lengths) == int(headers["x-amz-decoded-content-length"])
    verdicts.say("chunk", f"{case} sizes", whole, "" if whole else f"{lengths}")
    lines = rest.decode().split("\r\n")
    expected = []
    if "x-amz-trailer" in headers:
        checksum = lines[0]
        digest = hashlib.sha256(f"{checksum}\n".encode()).hexdigest()
        signature = official.next_in_chain("AWS4-HMAC-SHA256-TRAILER", previous, digest)
        expected = [checksum, f"x-amz-trailer-signature:{signature}"]
        name = headers["x-amz-trailer"]
        value = awscrt_checksum(name.removeprefix("x-amz-checksum-").upper(), decoded)
        verdicts.equal("chunk", f"{case} trailer", checksum, f"{name}:{value}")
    verdicts.equal("chunk", f"{case} end", lines, [*expected, "", ""])


def place(told, headers, request):
    """Which call a request is, and the mode of its object, with which each key begins."""
    path, _, query = request["target"].partition("?")
    path = unquote(path, errors="strict")
    if not headers["host"].startswith(f"{told['bucket']}."):
        path = path.removeprefix(f"/{told['bucket']}")
    return operation(request["method"], dict(parse_qsl(query, keep_blank_values=True))), path.split("/")[1]


class Bytes:
    """Judges in which framing the bytes of objects go, and that they were seen in every mode."""

    def __init__(self, verdicts, manner):
        self.verdicts, self.manner = verdicts, manner
        self.seen, self.probes = set(), 0

    def judge(self, case, name, mode, headers):
        payload = headers.get("x-amz-content-sha256", "")
        if name == "UploadPart" and headers["content-length"] == "1" and re.fullmatch("[0-9a-f]{64}", payload):
            # The byte that finds out what a store does; it is held in memory, and its digest is signed.
            self.probes += 1
            return
        self.seen.add((mode, name))
        checksum = "header" if CHECKSUM_HEADERS & set(headers) else "nowhere"
        checksum = "trailer" if "x-amz-trailer" in headers else checksum
        self.verdicts.equal("framing", case, (payload, checksum), self.manner.framing[name])

    def finish(self):
        for mode in self.manner.modes:
            for name in self.manner.framing:
                self.verdicts.say("count", f"bytes in {name} under {mode} were seen", (mode, name) in self.seen)
        # What was found out is kept, and seen again by every upload of several parts.
        self.verdicts.equal("count", "probes of what the store does", self.probes > 0, bool(self.manner.finding))


def judge(verdicts, told, request, carriage, in_bytes):
    headers = {}
    for name, value in request["headers"]:
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    name, mode = place(told, headers, request)
    case = f"{name} {request['target']}"
    ours = headers.get("authorization", "")
    form = re.fullmatch("AWS4-HMAC-SHA256 Credential=[^ ]+, SignedHeaders=([^ ]+), Signature=([0-9a-f]{64})", ours)
    # Some read a plus sign in a query as a space and some do not: it has to be encoded either way.
    sound = form is not None and "+" not in request["target"].partition("?")[2]
    sound = sound and {"host", "x-amz-date", "x-amz-content-sha256"} <= set(headers)
    if not verdicts.say("form", case, sound, "" if sound else ours):
        return
    listed = form[1].split(";")
    official = Official(told, request, {name: headers[name] for name in listed if name in headers})
    verdicts.equal("signature", case, ours, official.authorization())

    wanted = set(headers) - set(SIGNED_HEADERS_BLACKLIST) - LATE
    verdicts.equal("coverage", case, set(listed), wanted)
    verdicts.equal("token", case, headers.get("x-amz-security-token"), told["token"])
    carriage.judge(case, name, mode, headers)
    if name in ("UploadPart", "PutObject"):
        in_bytes.judge(case, name, mode, headers)
    framed, signed = judge_body(verdicts, case, request, headers)
    if framed and signed and "body" in request:
        judge_chunks(verdicts, case, official, headers, base64.b64decode(request["body"]), form[2])


def main(manifest, requests):
    with open(manifest, encoding="utf-8") as file:
        told = json.load(file)
    manner = MANNERS[told["manner"]]
    verdicts = Verdicts(f"{told['manner']}: signer of botocore")
    carriage, in_bytes = Carriage(verdicts, manner.dialect, manner.modes), Bytes(verdicts, manner)
    with open(requests, encoding="utf-8") as file:
        for line in file:
            judge(verdicts, told, json.loads(line), carriage, in_bytes)
    # A signer that agrees with everything would prove nothing: one changed letter must change its answer.
    sample = {"host": "h", "x-amz-date": "20260102T030405Z", "x-amz-content-sha256": EMPTY}
    answers = {Official(told, {"method": "PUT", "target": it}, sample).authorization() for it in ("/a%20b", "/a%2Bb")}
    verdicts.say("count", "the signer tells requests apart", len(answers) == 2)
    carriage.finish()
    in_bytes.finish()
    verdicts.equal("count", "modes that were seen", {mode for mode, _ in carriage.seen}, set(manner.modes))
    verdicts.at_least(5 * len(told["objects"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
