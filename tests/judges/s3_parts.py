"""Uploads in parts as boto3 makes them, with every checksum."""

from boto3.s3.transfer import TransferConfig
from manners import MODES
from s3_judge import LARGE, PART_SIZE
from s3_store import ALGORITHMS, checksum, composite, customer, customer_encoded
from verdicts import require


def transfers(judge):
    """The high-level interface, with threads."""
    config = TransferConfig(multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE, max_concurrency=4)
    data = judge.large.read_bytes()
    cases = [(mode, None) for mode in MODES] + [("customer", algorithm) for algorithm in ALGORITHMS]
    for mode, algorithm in cases:
        case = f"{mode} {algorithm or 'by default'}"
        key = f"{mode}/transferred {algorithm}"
        with judge.trial("upload_file", case):
            extra = {"ChecksumAlgorithm": algorithm} if algorithm else {}
            extra |= judge.sse.opening(mode)
            judge.client.upload_file(str(judge.large), judge.bucket, key, ExtraArgs=extra, Config=config)
            head = judge.client.head_object(
                Bucket=judge.bucket, Key=key, ChecksumMode="ENABLED", **judge.sse.later(mode)
            )
            judge.sse.check(mode, head)
            require(head["ETag"].endswith('-3"'), f"not three parts: {head['ETag']}")
            name = algorithm or "CRC32"
            pieces = [data[at : at + PART_SIZE] for at in range(0, LARGE, PART_SIZE)]
            whole = name == "CRC64NVME"
            expected = checksum(name, data) if whole else composite(name, pieces)
            require(head[f"Checksum{name}"] == expected, f"{name} is {head[f'Checksum{name}']}, not {expected}")
        with judge.trial("download_file", case):
            target = judge.folder / "fetched"
            judge.client.download_file(judge.bucket, key, str(target), ExtraArgs=judge.sse.later(mode), Config=config)
            require(target.read_bytes() == data, "the bytes differ")


def parts(judge):
    """The low-level interface, with every checksum and every type of it."""
    data = judge.large.read_bytes()
    pieces = [data[:PART_SIZE], data[PART_SIZE : PART_SIZE + 1000]]
    kinds = [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("CRC32C", "COMPOSITE"), ("CRC32C", "FULL_OBJECT")]
    kinds += [("CRC64NVME", "FULL_OBJECT"), ("SHA1", "COMPOSITE"), ("SHA256", "COMPOSITE"), (None, None)]
    for mode in MODES:
        for algorithm, kind in kinds:
            with judge.trial("parts", f"{mode} {algorithm} {kind}"):
                one_upload(judge, mode, algorithm, kind, pieces)


def one_upload(judge, mode, algorithm, kind, pieces):
    key = f"{mode}/parts {algorithm} {kind}"
    declared = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if algorithm else {}
    where = {"Bucket": judge.bucket, "Key": key}
    opened = judge.client.create_multipart_upload(**where, **declared, **judge.sse.opening(mode))
    judge.sse.check(mode, opened)
    require(opened.get("ChecksumAlgorithm") == algorithm and opened.get("ChecksumType") == kind, f"{opened}")
    upload = {**where, "UploadId": opened["UploadId"]}
    told, name = [], algorithm or "CRC32"
    for number, piece in enumerate(pieces, 1):
        extra = {"ChecksumAlgorithm": algorithm} if algorithm else {}
        part = judge.client.upload_part(Body=piece, PartNumber=number, **upload, **extra, **judge.sse.later(mode))
        judge.sse.check(mode, part)
        value = checksum(name, piece)
        require(part[f"Checksum{name}"] == value, f"part {number}: {part}")
        told.append({"PartNumber": number, "ETag": part["ETag"], f"Checksum{name}": value})
    key_again = customer_encoded(judge.key) if mode == "customer" and algorithm else {}
    listed = judge.client.list_parts(**upload, **key_again)
    found = [{field: part[field] for field in told[0]} for part in listed["Parts"]]
    require(found == told, f"listed {found}, not {told}")
    require([part["Size"] for part in listed["Parts"]] == [len(piece) for piece in pieces], "other sizes")
    require(listed.get("ChecksumAlgorithm") == algorithm and listed.get("ChecksumType") == kind, f"{listed}")
    whole = b"".join(pieces)
    name, kind = algorithm or "CRC64NVME", kind or "FULL_OBJECT"
    expected = checksum(name, whole) if kind == "FULL_OBJECT" else composite(name, pieces)
    claimed = {f"Checksum{name}": expected, "ChecksumType": kind, "MpuObjectSize": len(whole)} if algorithm else {}
    done = judge.client.complete_multipart_upload(MultipartUpload={"Parts": told}, **upload, **claimed, **key_again)
    if mode != "customer":
        judge.sse.check(mode, done)
    require(done[f"Checksum{name}"] == expected and done["ChecksumType"] == kind, f"{done}")
    head = judge.client.head_object(ChecksumMode="ENABLED", **where, **judge.sse.later(mode))
    require(head[f"Checksum{name}"] == expected and head["ChecksumType"] == kind, f"{head}")
    require(head["ETag"] == done["ETag"], f"{head['ETag']} after {done['ETag']}")
    judge.same(key, whole, **judge.sse.later(mode))
    answer = judge.same(key, pieces[1], PartNumber=2, **judge.sse.later(mode))
    require(answer["PartsCount"] == len(pieces), f"{answer['PartsCount']} parts")


def unfinished(judge):
    uploads = {}
    for key in ("list/a b+c%", "list/b", "other"):
        opened = judge.client.create_multipart_upload(Bucket=judge.bucket, Key=key, ChecksumAlgorithm="SHA256")
        uploads[key] = opened["UploadId"]
    with judge.trial("list_multipart_uploads", "all"):
        listed = judge.client.list_multipart_uploads(Bucket=judge.bucket)["Uploads"]
        found = {it["Key"]: it["UploadId"] for it in listed if it["Key"] in uploads}
        require(found == uploads, f"{found}")
        require(all(it["ChecksumAlgorithm"] == "SHA256" for it in listed if it["Key"] in uploads), "no algorithm")
    with judge.trial("list_multipart_uploads", "page by page"):
        pages = judge.client.get_paginator("list_multipart_uploads")
        pages = pages.paginate(Bucket=judge.bucket, Prefix="list/", PaginationConfig={"PageSize": 1})
        found = [it["Key"] for page in pages for it in page.get("Uploads", [])]
        require(found == ["list/a b+c%", "list/b"], f"{found}")
    with judge.trial("list_multipart_uploads", "folders"):
        listed = judge.client.list_multipart_uploads(Bucket=judge.bucket, Delimiter="/", Prefix="l")
        require(listed["CommonPrefixes"] == [{"Prefix": "list/"}], f"{listed.get('CommonPrefixes')}")
    with judge.trial("list_parts", "page by page"):
        upload = {"Bucket": judge.bucket, "Key": "list/b", "UploadId": uploads["list/b"]}
        for number in (1, 3, 5):
            judge.client.upload_part(Body=b"bytes", PartNumber=number, ChecksumAlgorithm="SHA256", **upload)
        pages = judge.client.get_paginator("list_parts").paginate(PaginationConfig={"PageSize": 2}, **upload)
        found = [part["PartNumber"] for page in pages for part in page.get("Parts", [])]
        require(found == [1, 3, 5], f"{found}")
    for key, upload_id in uploads.items():
        upload = {"Bucket": judge.bucket, "Key": key, "UploadId": upload_id}
        with judge.trial("abort", key):
            judge.client.abort_multipart_upload(**upload)
        judge.refused("abort", f"{key} is gone", 404, "NoSuchUpload", lambda: judge.client.list_parts(**upload))


def checksums(judge):
    data = judge.rng.randbytes(200_000)
    signing = judge.store.client(payload_signing_enabled=True)
    plain = judge.plain.client()
    for algorithm in ALGORITHMS:
        name, expected = f"Checksum{algorithm}", checksum(algorithm, data)
        for how, client in (("in the trailer", judge.client), ("signed", signing), ("over http", plain)):
            with judge.trial("checksums", f"{algorithm} {how}"):
                where = {"Bucket": judge.bucket, "Key": f"checksums/{algorithm}"}
                put = client.put_object(Body=data, ChecksumAlgorithm=algorithm, **where)
                require(put[name] == expected and put["ChecksumType"] == "FULL_OBJECT", f"{put}")
                head = client.head_object(ChecksumMode="ENABLED", **where)
                require(head[name] == expected, f"{head}")
                # boto3 itself compares the bytes with the checksum of the answer.
                answer = judge.same(where["Key"], data, client)
                require(answer[name] == expected, f"{answer}")
        judge.refused(
            "checksums",
            f"{algorithm} of other bytes",
            400,
            "BadDigest",
            lambda: judge.client.put_object(
                Bucket=judge.bucket, Key="wrong", Body=data, **{name: checksum(algorithm, b"other")}
            ),
        )
    judge.refused(
        "checksums",
        "MD5 of other bytes",
        400,
        "BadDigest",
        lambda: judge.client.put_object(
            Bucket=judge.bucket, Key="wrong", Body=data, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg=="
        ),
    )
    judge.refused(
        "checksums",
        "nothing was kept",
        404,
        "NoSuchKey",
        lambda: judge.client.get_object(Bucket=judge.bucket, Key="wrong"),
    )
    opened = judge.client.create_multipart_upload(
        Bucket=judge.bucket, Key="declared", ChecksumAlgorithm="SHA1", **customer(judge.key)
    )
    upload = {"Bucket": judge.bucket, "Key": "declared", "UploadId": opened["UploadId"]}
    judge.refused(
        "checksums",
        "another algorithm than was declared",
        400,
        "InvalidRequest",
        lambda: judge.client.upload_part(
            Body=b"bytes", PartNumber=1, ChecksumAlgorithm="CRC32", **upload, **customer(judge.key)
        ),
    )
    part = judge.client.upload_part(
        Body=b"bytes", PartNumber=1, ChecksumAlgorithm="SHA1", **upload, **customer(judge.key)
    )
    listed = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA1": part["ChecksumSHA1"]}
    for case, parts, more, code in (
        ("without the key", [listed], {}, "InvalidRequest"),
        (
            "without a part's checksum",
            [{**listed, "ChecksumSHA1": None}],
            customer_encoded(judge.key),
            "InvalidRequest",
        ),
        (
            "with another checksum",
            [{**listed, "ChecksumSHA1": checksum("SHA1", b"")}],
            customer_encoded(judge.key),
            "InvalidPart",
        ),
        ("with another size", [listed], {**customer_encoded(judge.key), "MpuObjectSize": 6}, "InvalidRequest"),
    ):
        parts = [{name: value for name, value in part.items() if value is not None} for part in parts]
        judge.refused(
            "checksums",
            f"complete {case}",
            400,
            code,
            lambda: judge.client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload, **more),
        )
    judge.refused(
        "checksums", "list_parts without the key", 400, "InvalidRequest", lambda: judge.client.list_parts(**upload)
    )
