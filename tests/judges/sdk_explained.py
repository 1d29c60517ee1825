"""Why a row of the table is not plain green, and where in the SDK that stands.

Each explanation quotes the lines of the SDK that it speaks of: a version that no longer has them fails the run, and the
table names file and line of the version that was run. Of an SDK that was recorded only file and function are named, and
nothing looks there: it is not installed.
"""

import dataclasses

from sdk_recorded import GO

PYTHON, NODE, BROWSER = "cos-python-sdk-v5", "cos-nodejs-sdk-v5", "cos-js-sdk-v5"


@dataclasses.dataclass(frozen=True)
class Explained:
    """An outcome of some rows."""

    # What came, in full.
    came: str
    why: str
    # Calls, modes and stores that it explains; all of them without.
    calls: tuple[str, ...]
    modes: tuple[str, ...]
    # For each SDK that does it: a file of its package, where to look from, and the text of the line; or file and function.
    quotes: dict[str, tuple[str, ...]]
    stores: tuple[str, ...] = ("default", "strict")

    def fits(self, row):
        return (
            row.sdk in self.quotes
            and row.call in self.calls
            and row.mode in self.modes
            and row.store in self.stores
            and row.came == self.came
        )


def both(begins, text):
    """The same line in the two SDKs that have it in common."""
    return {NODE: ("sdk/advance.js", begins, text), BROWSER: ("src/advance.js", begins, text)}


ALL = ("none", "managed", "kms", "customer")
SLICED = (
    "uploadFile",
    "sliceUploadFile",
    "sliceUploadFile, resumed with its cache",
    "sliceUploadFile, resumed without its cache",
)

EXPLAINED = [
    Explained(
        "began anew: sent 4 of 4 parts where 1 was missing, left 1 upload behind",
        "It goes on only with parts whose ETag is the MD5 of the bytes, which under SSE-KMS and SSE-C no ETag of COS is:"
        " everything is sent again, and the upload that was cut off stays.",
        ("upload_file, interrupted and resumed",),
        ("kms", "customer"),
        {PYTHON: ("cos_client.py", "def _check_single_upload_part", "if local_etag == remote_etag:")},
    ),
    Explained(
        "CosClientError: some upload_part fail after max_retry",
        "The customer key goes with Initiate and is not handed on to the parts, which the store refuses. A store that took"
        " them would keep them in the clear.",
        ("upload_file_from_buffer",),
        ("customer",),
        {PYTHON: ("cos_client.py", "def _upload_part_from_buffer", "rt = self.upload_part(bucket, key, data, part_num, uploadid)")},
    ),
    Explained(
        "400 SSEHeaderNotAllowed",
        "It sends the key of the copy's source with Initiate, too, which does not take it. Only a strict store refuses that.",
        ("copy, in parts, of a customer key's",),
        ALL,
        {PYTHON: ("cos_client.py", "def copy(", "rt = self.create_multipart_upload(Bucket=Bucket, Key=Key, **kwargs)")},
        ("strict",),
    ),
    Explained(
        "400 InvalidArgument",
        "The customer key goes with Initiate; of its headers only these two are handed on to the parts, which the store"
        " refuses. A store that took them would keep them in the clear.",
        SLICED,
        ("customer",),
        both("function uploadSliceItem(", "var headersWhiteList = ['x-cos-traffic-limit', 'x-cos-mime-limit'];"),
    ),
    Explained(
        "400 SSEHeaderNotAllowed",
        "It sends the mode with every part, although only Initiate takes it. Only a strict store refuses that.",
        SLICED,
        ("managed", "kms"),
        both("function uploadSliceItem(", "ServerSideEncryption: ServerSideEncryption,"),
        ("strict",),
    ),
    Explained(
        "began anew: sent 4 of 4 parts where 2 were missing, left 1 upload behind",
        "Where it has not kept the upload's id itself, it goes on only with parts whose ETag is the MD5 of the bytes, which"
        " under SSE-KMS no ETag of COS is: everything is sent again, and the upload that was cut off stays.",
        ("sliceUploadFile, resumed without its cache",),
        ("kms",),
        both("function getUploadIdAndPartList(", "chunk.ETag === Part.ETag"),
        ("default",),
    ),
    Explained(
        "done, but without encryption",
        "Unless the metadata is to be replaced, Initiate gets the headers of the source and none of the caller's: **the"
        " copy is not encrypted, and the call succeeds**.",
        ("sliceCopyFile, in parts",),
        ("managed", "kms", "customer"),
        both("function sliceCopyFile(", "TargetHeader = SourceHeaders;"),
    ),
    Explained(
        "400 InvalidArgument",
        "The customer key goes with Initiate; the parts are copied without any header of the caller's, and the store"
        " refuses them.",
        ("sliceCopyFile, in parts, metadata replaced",),
        ("customer",),
        both("function copySliceItem(", "CopySourceRange: CopySourceRange,"),
    ),
    Explained(
        "400",
        "It asks for the size of the source by HEAD without the source's key, which the store refuses.",
        ("sliceCopyFile of a customer key's",),
        ALL,
        both("self.headObject(", "Key: SourceKey,"),
    ),
    Explained(
        "400",
        "It asks for the size of the source by HEAD without the source's key, which the store refuses. It asks over HTTP, too,"
        " whatever its client was given.",
        ("Object.MultiCopy of a customer key's",),
        ALL,
        {GO: ("object_part.go", "innerHead")},
    ),
    Explained(
        "400 InvalidArgument",
        "The customer key goes with Initiate; the parts are copied without it, and the store refuses them.",
        ("Object.MultiCopy, in parts",),
        ("customer",),
        {GO: ("object_part.go", "MultiCopy")},
    ),
    Explained(
        "began anew: sent 3 of 3 parts where 1 was missing, left 1 upload behind",
        "It goes on only with parts whose ETag is the MD5 of the bytes, which under SSE-KMS and SSE-C no ETag of COS is:"
        " everything is sent again, and the upload that was cut off stays.",
        ("Object.Upload, interrupted and resumed",),
        ("kms", "customer"),
        {GO: ("object.go", "checkUploadedParts")},
        ("default",),
    ),
    Explained(
        "400 SSEHeaderNotAllowed",
        "Every header of Initiate that begins with `x-` goes with Complete again, the customer key included, and the id of the"
        " KMS key with every part; neither takes them. Only a strict store refuses that.",
        ("Object.Upload", "Object.Upload, interrupted and resumed"),
        ("managed", "kms", "customer"),
        {GO: ("helper.go", "deliverInitOptions")},
        ("strict",),
    ),
]
