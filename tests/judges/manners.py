"""How sealift speaks with a store, and what it must make of that: one entry for each run that is recorded."""

import dataclasses

MODES = ("none", "managed", "kms", "customer")


@dataclasses.dataclass(frozen=True)
class Dialect:
    """What differs between the stores."""

    scheme: str
    # The variables that hold the id, the key and the token of the credentials.
    credentials: tuple[str, str, str]
    # Of the names of headers.
    prefix: str
    kms: str
    # The least that a part may have.
    part_size: int
    # The calls that carry the customer key.
    with_customer_key: dict[str, bool]
    # What the store says of an object that was put without a mode.
    unasked: str

    @property
    def customer_headers(self):
        return [f"{self.prefix}server-side-encryption-customer-{part}" for part in ("algorithm", "key", "key-md5")]


def _calls(complete):
    names = ("Initiate", "UploadPart", "PutObject", "HeadObject", "GetObject")
    return dict.fromkeys(names, True) | {"Complete": complete}


COS = Dialect(
    scheme="cos",
    credentials=("COS_SECRET_ID", "COS_SECRET_KEY", "COS_SESSION_TOKEN"),
    prefix="x-cos-",
    kms="cos/kms",
    part_size=1 << 20,
    # Documentation of SSE-C headers, /document/product/436/7728.
    with_customer_key=_calls(complete=False),
    unasked="none",
)
S3 = Dialect(
    scheme="s3",
    credentials=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    prefix="x-amz-",
    kms="aws:kms",
    part_size=5 << 20,
    # CompleteMultipartUpload wants it where the upload has declared a checksum.
    with_customer_key=_calls(complete=True),
    # Everything is encrypted there, asked or not (userguide/default-encryption-faq.html).
    unasked="managed",
)


@dataclasses.dataclass(frozen=True)
class Manner:
    """One way to a store."""

    dialect: Dialect
    # Where `{region}` and `{port}` are filled in; without one, it follows from the region.
    endpoint: str | None = None
    # Whether the endpoint is only a name, for which this machine has to be dialled.
    dialled: bool = True
    modes: tuple[str, ...] = MODES
    # Which of the objects; all without.
    keys: tuple[str, ...] | None = None
    # What sealift must find out about the endpoint, and keep. Nothing, where the manual tells.
    finding: str | None = None
    # Of S3's calls that send an object's bytes: `x-amz-content-sha256`, and where the checksum is.
    framing: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    @property
    def over_tls(self):
        return not (self.endpoint or "").startswith("http:")

    def sent_in_parts(self, size):
        """Whether an object of so many bytes takes more than one PUT.

        A store that tells the checksums of parts need not tell that of a PUT, so that only parts are proved there.
        """
        return size > (0 if self.finding == "told" else self.dialect.part_size)


UNSIGNED, SIGNED = "STREAMING-UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
# Those whose keys, sizes and headers are the hardest.
FEW = ("plain.bin", "empty", "one byte", "100%", "UPPER/lower/MiXed", "parts/50% off + tilde~ (star*) 腾讯云//x?y#z")
FEWER = ("plain.bin", "empty", FEW[-1])
MANNERS = {
    "cos": Manner(COS),
    # The manuals of such hosts say that they check trailers.
    "s3": Manner(
        S3, framing={"UploadPart": (f"{UNSIGNED}-TRAILER", "trailer"), "PutObject": (f"{UNSIGNED}-TRAILER", "trailer")}
    ),
    # What another endpoint does has to be found out. The embedded store tells checksums.
    "s3-elsewhere": Manner(
        S3,
        endpoint="https://127.0.0.1:{port}",
        dialled=False,
        keys=FEW,
        finding="told",
        framing={"UploadPart": ("UNSIGNED-PAYLOAD", "nowhere"), "PutObject": ("UNSIGNED-PAYLOAD", "nowhere")},
    ),
    # Over HTTP bodies are signed, and no customer key may go.
    "s3-http": Manner(
        S3,
        endpoint="http://127.0.0.1:{port}",
        dialled=False,
        modes=MODES[:3],
        keys=FEWER,
        finding="told",
        framing={"UploadPart": (SIGNED, "nowhere"), "PutObject": (SIGNED, "nowhere")},
    ),
    "s3-http-trailer": Manner(
        S3,
        endpoint="http://s3.{region}.amazonaws.com",
        modes=MODES[:3],
        keys=FEWER,
        framing={"UploadPart": (f"{SIGNED}-TRAILER", "trailer"), "PutObject": (f"{SIGNED}-TRAILER", "trailer")},
    ),
}
