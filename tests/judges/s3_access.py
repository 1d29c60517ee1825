"""Who may ask for what, where and how: keys, accounts, hosts, presigned addresses, signed chunks."""

import hashlib
import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from s3_store import customer
from verdicts import require


def keys(judge):
    where = {"Bucket": judge.bucket, "Key": "customer/guarded"}
    judge.client.put_object(Body=b"secret", **where, **customer(judge.key))
    judge.refused("keys", "get with none", 400, "InvalidRequest", lambda: judge.client.get_object(**where))
    wrong = customer(judge.other)
    judge.refused("keys", "get with another", 403, "AccessDenied", lambda: judge.client.get_object(**where, **wrong))
    judge.refused("keys", "head with none", 400, "400", lambda: judge.client.head_object(**where))
    judge.refused("keys", "head with another", 403, "403", lambda: judge.client.head_object(**where, **wrong))
    opened = judge.client.create_multipart_upload(**where, **customer(judge.key))
    upload = {**where, "UploadId": opened["UploadId"], "PartNumber": 1, "Body": b"secret"}
    judge.refused("keys", "part with none", 400, "InvalidRequest", lambda: judge.client.upload_part(**upload))
    judge.refused(
        "keys", "part with another", 400, "InvalidRequest", lambda: judge.client.upload_part(**upload, **wrong)
    )
    judge.client.put_object(Bucket=judge.bucket, Key="open", Body=b"bytes")
    judge.refused(
        "keys",
        "where there is none",
        400,
        "InvalidRequest",
        lambda: judge.client.get_object(Bucket=judge.bucket, Key="open", **wrong),
    )
    # boto3 sends a key over HTTP; the store must not take it.
    judge.refused(
        "keys",
        "over http",
        400,
        "InvalidRequest",
        lambda: judge.plain.client().put_object(Bucket=judge.bucket, Key="open", Body=b"bytes", **wrong),
    )


def accounts(judge):
    id, key, token = judge.store.account
    cases = [
        ("another secret", {"account": (id, "x" * 40, token)}, 403, "SignatureDoesNotMatch"),
        ("another id", {"account": ("AKIAANOTHER", key, token)}, 403, "InvalidAccessKeyId"),
        ("another token", {"account": (id, key, "another")}, 400, "InvalidToken"),
        ("no token", {"account": (id, key, None)}, 403, "InvalidAccessKeyId"),
        ("another region", {"region": "us-west-2"}, 400, "AuthorizationHeaderMalformed"),
    ]
    for case, options, status, code in cases:
        client = judge.store.client(**options)
        judge.refused(
            "accounts", case, status, code, lambda: client.put_object(Bucket=judge.bucket, Key="k", Body=b"x")
        )
    judge.refused(
        "accounts", "another bucket", 404, "NoSuchBucket", lambda: judge.client.get_object(Bucket="other", Key="k")
    )


def addresses(judge):
    port = urllib.parse.urlsplit(judge.store.endpoint).port
    for host in (f"s3.{judge.store.region}.amazonaws.com", "s3.amazonaws.com"):
        for addressing in ("virtual", "path"):
            if (host, addressing) == ("s3.amazonaws.com", "path"):
                continue
            client = judge.store.client(addressing=addressing, endpoint=f"https://{host}:{port}")
            with judge.trial("addresses", f"{addressing} at {host}"):
                key = f"{addressing}/a b+c%20腾"
                client.put_object(Bucket=judge.bucket, Key=key, Body=b"bytes", **customer(judge.key))
                judge.same(key, b"bytes", client, **customer(judge.key))


def presigned(judge):
    trust = ssl.create_default_context(cafile=judge.store.ca_cert)

    def ask(url, data=None):
        request = urllib.request.Request(url, data=data, method="PUT" if data else "GET")
        if data:
            request.add_header("Content-Type", "")
        with urllib.request.urlopen(request, context=trust) as answer:
            return answer.read()

    key = "presigned/a b+c%20腾"
    judge.client.put_object(Bucket=judge.bucket, Key=key, Body=b"bytes")
    params = {"Bucket": judge.bucket, "Key": key, "ResponseContentType": "text/a b"}
    url = judge.client.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
    with judge.trial("presigned", "get"):
        require(ask(url) == b"bytes", "other bytes")
    for case, changed in (
        ("another key", url.replace("a%20b", "a%20c")),
        ("longer", url.replace("Expires=60", "Expires=61")),
    ):
        with judge.trial("presigned", case):
            require(changed != url, "nothing was changed")
            try:
                ask(changed)
            except urllib.error.HTTPError as error:
                require(error.code == 403, f"refused with {error.code}")
            else:
                raise AssertionError("was not refused")
    with judge.trial("presigned", "put"):
        url = judge.client.generate_presigned_url(
            "put_object", Params={"Bucket": judge.bucket, "Key": key}, ExpiresIn=60
        )
        ask(url, b"new bytes")
        judge.same(key, b"new bytes")


def chunks(judge):
    """Chunks that are signed one by one, over HTTP: botocore's signer signs them, boto3 itself never sends any."""
    data = judge.rng.randbytes(150_000)
    for case, spoil, status in (("as they are", False, 200), ("one changed", True, 403)):
        with judge.trial("signed chunks", case):
            found = send_chunks(judge, data, spoil)
            require(found == status, f"answered {found}")
            if not spoil:
                judge.same("in chunks", data, judge.plain.client())


def send_chunks(judge, data, spoil):
    where = urllib.parse.urlsplit(judge.plain.endpoint)
    credentials = botocore.credentials.Credentials(*judge.plain.account)
    signer = botocore.auth.S3SigV4Auth(credentials, "s3", judge.plain.region)
    # The digest is a name here; botocore would put the body's instead.
    signer.payload = lambda _request: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    headers = {"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": str(len(data))}
    url = f"{judge.plain.endpoint}/{judge.bucket}/in%20chunks"
    request = botocore.awsrequest.AWSRequest("PUT", url, headers=headers, data=b"")
    request.context["payload_signing_enabled"] = True
    signer.add_auth(request)
    previous = request.headers["Authorization"].rpartition("Signature=")[2]
    body = b""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for chunk in [data[at : at + 65536] for at in range(0, len(data), 65536)] + [b""]:
        digest = hashlib.sha256(chunk).hexdigest()
        lines = ["AWS4-HMAC-SHA256-PAYLOAD", request.context["timestamp"], signer.credential_scope(request), previous]
        previous = signer.signature("\n".join([*lines, empty, digest]), request)
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
    if spoil:
        at = len(body) // 2
        body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    connection = http.client.HTTPConnection(where.hostname, where.port)
    connection.request("PUT", urllib.parse.urlsplit(url).path, body, dict(request.headers.items()))
    status = connection.getresponse().status
    connection.close()
    return status
