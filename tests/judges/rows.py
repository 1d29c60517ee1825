"""How an official SDK as a client says what came of a call: one line per (SDK, store, call, mode).

`sdk_table.py` reads them.
"""


class Rows:
    """The rows of one SDK against one store."""

    def __init__(self, sdk, store):
        self.sdk, self.store = sdk, store

    def row(self, call, mode, body, problem):
        """Runs one case. `body` returns what came when all was well; `problem` puts what it raised into a few words."""
        try:
            passed, came = True, body()
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises is its behaviour, and goes into the table
            passed, came = False, problem(error)
        fields = [self.sdk, self.store, call, mode, "green" if passed else "other", came]
        print("\t".join(" ".join(str(field).split()) for field in fields), flush=True)
        return passed


class Otherwise(Exception):
    """What came, where it is not what was wanted; the text goes into the table, and must not change from run to run."""
