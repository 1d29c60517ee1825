"""Objects as boto3 writes, reads, describes and copies them."""

from cases import OBJECTS
from manners import MODES
from s3_judge import PART_SIZE
from s3_store import checksum, customer
from verdicts import require


# More than OBJECTS has: keys that only S3 takes.
KEYS = [key for key, parts, size in OBJECTS if not parts and size < 2000]
KEYS += ["//leading", "a/../b", "./dot", "new\nline"]


def objects(judge):
    for mode in MODES:
        for at, name in enumerate(KEYS):
            key, data = f"{mode}/{name}", judge.rng.randbytes(at * 97)
            with judge.trial("put, head, get", key):
                where = {"Bucket": judge.bucket, "Key": key}
                put = judge.client.put_object(Body=data, **where, **judge.sse.opening(mode))
                judge.sse.check(mode, put)
                require(put["ChecksumCRC32"] == checksum("CRC32", data), f"CRC32 {put['ChecksumCRC32']}")
                head = judge.client.head_object(**where, **judge.sse.later(mode))
                judge.sse.check(mode, head)
                require(head["ContentLength"] == len(data), f"{head['ContentLength']} bytes")
                require(head["ETag"] == put["ETag"], f"{head['ETag']} after {put['ETag']}")
                judge.sse.check(mode, judge.same(key, data, **judge.sse.later(mode)))


def properties(judge):
    where = {"Bucket": judge.bucket, "Key": "properties"}
    told = {
        "ContentType": "text/plain; charset=utf-8",
        "CacheControl": "no-cache",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "StorageClass": "STANDARD_IA",
        "Metadata": {"note": "a b+c%20/~*()!"},
    }
    with judge.trial("properties", "come back"):
        judge.client.put_object(Body=b"bytes", Tagging="k%201=v%2B2", **where, **told)
        head = judge.client.head_object(**where)
        found = {name: head.get(name) for name in told}
        require(found == told, f"{found}")
    with judge.trial("properties", "if-none-match"):
        judge.client.put_object(Body=b"bytes", IfNoneMatch="*", **{**where, "Key": "fresh"})
    judge.refused(
        "properties",
        "if-none-match, again",
        412,
        "PreconditionFailed",
        lambda: judge.client.put_object(Body=b"bytes", IfNoneMatch="*", **where),
    )
    with judge.trial("properties", "bucket"):
        require(judge.client.head_bucket(Bucket=judge.bucket)["BucketRegion"] == judge.store.region, "another region")
        found = judge.client.get_bucket_location(Bucket=judge.bucket)["LocationConstraint"]
        require(found == judge.store.region, f"located in {found!r}")
    with judge.trial("properties", "delete"):
        judge.client.delete_object(**where)
        judge.client.delete_object(**where)
    judge.refused("properties", "deleted", 404, "NoSuchKey", lambda: judge.client.get_object(**where))
    judge.refused("properties", "deleted, head", 404, "404", lambda: judge.client.head_object(**where))


def ranges(judge):
    data = judge.rng.randbytes(300_000)
    for mode in MODES:
        key = f"{mode}/ranged"
        judge.client.put_object(Bucket=judge.bucket, Key=key, Body=data, **judge.sse.opening(mode))
        for text, expected in (
            ("bytes=0-0", data[:1]),
            ("bytes=65535-65536", data[65535:65537]),
            ("bytes=299990-", data[-10:]),
            ("bytes=-7", data[-7:]),
        ):
            with judge.trial("ranges", f"{mode} {text}"):
                answer = judge.same(key, expected, Range=text, **judge.sse.later(mode))
                require(answer["ResponseMetadata"]["HTTPStatusCode"] == 206, "not 206")
        judge.refused(
            "ranges",
            f"{mode} beyond",
            416,
            "InvalidRange",
            lambda: judge.client.get_object(
                Bucket=judge.bucket, Key=key, Range="bytes=300000-", **judge.sse.later(mode)
            ),
        )


def copies(judge):
    data = judge.large.read_bytes()[: PART_SIZE + 1000]
    for source in MODES:
        judge.client.put_object(
            Bucket=judge.bucket, Key=f"{source}/from + here", Body=data, **judge.sse.opening(source)
        )
        opens = {f"CopySource{name}": value for name, value in judge.sse.later(source).items()}
        origin = {"Bucket": judge.bucket, "Key": f"{source}/from + here"}
        for mode in MODES:
            key = f"{mode}/copied from {source}"
            with judge.trial("copy_object", f"{source} to {mode}"):
                copied = judge.client.copy_object(
                    Bucket=judge.bucket, Key=key, CopySource=origin, **opens, **judge.sse.opening(mode)
                )
                judge.sse.check(mode, copied)
                judge.same(key, data, **judge.sse.later(mode))
        with judge.trial("upload_part_copy", f"{source} to customer"):
            where = {"Bucket": judge.bucket, "Key": f"copied in parts from {source}"}
            opened = judge.client.create_multipart_upload(**where, **customer(judge.key))
            upload = {**where, "UploadId": opened["UploadId"]}
            told = []
            for number, span in ((1, f"bytes=0-{PART_SIZE - 1}"), (2, f"bytes={PART_SIZE}-{len(data) - 1}")):
                part = judge.client.upload_part_copy(
                    PartNumber=number,
                    CopySource=origin,
                    CopySourceRange=span,
                    **upload,
                    **opens,
                    **customer(judge.key),
                )
                judge.sse.check("customer", part)
                told.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
            judge.client.complete_multipart_upload(MultipartUpload={"Parts": told}, **upload)
            judge.same(where["Key"], data, **customer(judge.key))
