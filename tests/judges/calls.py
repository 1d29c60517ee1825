"""Which call a request is, and whether it carries the headers of its encryption."""

from manners import MODES


def operation(method, query):
    """Which call a request is, by its method and the names in its query."""
    names = set(query)
    if method == "POST":
        return "Initiate" if "uploads" in names else "Complete" if "uploadId" in names else "?"
    if method == "PUT":
        return "UploadPart" if "partNumber" in names else "PutObject"
    return {"HEAD": "HeadObject", "GET": "GetObject", "DELETE": "DeleteObject"}.get(method, "?")


class Carriage:
    """Judges the headers of the encryption, and that every call was seen under every mode."""

    def __init__(self, verdicts, dialect, modes=MODES):
        self.verdicts, self.dialect, self.modes = verdicts, dialect, modes
        self.seen = set()

    def judge(self, case, name, mode, headers):
        """One request, by the names of its headers in lower case."""
        self.seen.add((mode, name))
        with_key = self.dialect.with_customer_key.get(name)
        if with_key is None:
            return
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
