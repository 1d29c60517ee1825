"""Which call a request is, and whether it carries the headers of its encryption."""

from manners import MODES, S3


def operation(method, query):
    """Which call a request is, by its method and the names in its query."""
    names = set(query)
    if "uploads" in names:
        return {"POST": "Initiate", "GET": "ListUploads"}.get(method, "?")
    if "partNumber" in names:
        return "UploadPart" if method == "PUT" and "uploadId" in names else "?"
    if "uploadId" in names:
        return {"POST": "Complete", "GET": "ListParts", "DELETE": "Abort"}.get(method, "?")
    return {"PUT": "PutObject", "HEAD": "HeadObject", "GET": "GetObject", "DELETE": "DeleteObject"}.get(method, "?")


def seldom(dialect):
    """The calls that need not be seen, and whether they carry the customer key."""
    # S3's ListParts needs it where the upload was opened with a checksum (API_ListParts.html).
    return dict.fromkeys(("ListUploads", "Abort", "DeleteObject"), False) | {"ListParts": dialect is S3}


class Carriage:
    """Judges the headers of the encryption, and that every call was seen under every mode."""

    def __init__(self, verdicts, dialect, modes=MODES):
        self.verdicts, self.dialect, self.modes = verdicts, dialect, modes
        self.rules = dialect.with_customer_key | seldom(dialect)
        self.seen = set()

    def judge(self, case, name, mode, headers):
        """One request, by the names of its headers in lower case."""
        self.seen.add((mode, name))
        if name not in self.rules:
            self.verdicts.say("carriage", case, False, f"no rule for {name}")
            return
        with_key = self.rules[name]
        carried = [it for it in headers if f"{self.dialect.prefix}server-side-encryption-customer-" in it]
        expected = self.dialect.customer_headers if mode == "customer" and with_key else []
        self.verdicts.equal("carriage", case, sorted(carried), sorted(expected))
        modes = {"managed": "AES256", "kms": self.dialect.kms}
        expected = modes.get(mode) if name in ("Initiate", "PutObject") else None
        found = headers.get(f"{self.dialect.prefix}server-side-encryption")
        self.verdicts.equal("carriage", f"{case} mode", found, expected)

    def finish(self):
        for mode in self.modes:
            for name in self.dialect.with_customer_key:
                self.verdicts.say("count", f"{name} under {mode} was seen", (mode, name) in self.seen)
