"""How a judge says what it found: one line per case, gathered by `report.py`."""

import sys


class Verdicts:
    """The verdicts of one judge."""

    def __init__(self, judge):
        self.judge = judge
        self.given = 0

    def say(self, check, case, passed, detail=""):
        """One case of one check."""
        self.given += 1
        fields = ["pass" if passed else "FAIL", self.judge, check, case, str(detail)]
        print("\t".join(" ".join(field.split()) for field in fields), flush=True)
        return passed

    def equal(self, check, case, found, expected):
        """The same, for values that must be equal."""
        passed = found == expected
        return self.say(check, case, passed, "" if passed else f"found {found!r}, expected {expected!r}")

    def trial(self, check, case):
        """A `with` block that passes unless it raises; say more inside it by raising."""
        return _Trial(self, check, case)

    def at_least(self, expected):
        """Fails a judge that had less to judge than it must: nothing seen is nothing proved."""
        self.say("count", f"at least {expected} cases", self.given >= expected, f"{self.given} cases")


class _Trial:
    def __init__(self, verdicts, check, case):
        self.verdicts, self.check, self.case = verdicts, check, case

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _trace):
        if kind is not None and not issubclass(kind, Exception):
            return False
        self.verdicts.say(self.check, self.case, error is None, "" if error is None else f"{kind.__name__}: {error}")
        return True


def require(condition, message):
    """Raises inside a trial."""
    if not condition:
        raise AssertionError(message)


def eprint(*words):
    """Progress, which is no verdict."""
    print(*words, file=sys.stderr, flush=True)
