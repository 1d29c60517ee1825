"""Makes the table of what came of the official SDKs' calls, and compares it with the one that is kept.

    sdk_table.py ROWS NODE_MODULES NEW [KEPT]

Writes NEW, and verdicts to stdout: one for each row, which fails where an outcome is neither green nor explained; one
for each explanation, which fails where it explains nothing, or its SDK no longer has the line that it quotes; and one
for the table, which fails where it is not the one in KEPT; without that, NEW is the one that is kept.
"""

import dataclasses
import difflib
import importlib.metadata
import importlib.util
import json
import pathlib
import sys

import sdk_recorded
from manners import MODES
from sdk_explained import BROWSER, EXPLAINED, NODE, PYTHON
from sdk_recorded import GO
from verdicts import Verdicts, eprint

STORES = ("default", "strict")
NAMES = {"none": "none", "managed": "SSE-COS", "kms": "SSE-KMS", "customer": "SSE-C"}
# So many rows each SDK must have: a judge that broke off has fewer.
LEAST = {PYTHON: 104, NODE: 108, BROWSER: 104, GO: 104}
INTRODUCTION = """\
# The official SDKs as clients of `sealift serve`

Made by `tests/judges/run`, which fails where a run finds something else; `tests/judges/run --keep` replaces it. Every
call goes over HTTPS to the store's own host name, once to the store as it is by default and once with `--strict`; no
SDK is told to try again. *confirmed* means that the answer's headers name the encryption that was asked for, key and
all. After each upload and copy the object is read back with the right key and compared byte for byte.

cos-js-sdk-v5 is made for browsers and runs here in Node.js, over a stand-in for XMLHttpRequest, FileReader and
localStorage (`browser.mjs`). Every call of it that the table has runs that way. What a browser adds is not tried: it
asks by OPTIONS before each call from another origin, and the store does not play CORS, so that a page needs a proxy
of its own origin in front of it. `downloadFile` is not a call of that SDK.

cos-go-sdk-v5 is not run each time: that takes Go, which nothing else here needs. It was run once, against the same two
stores, and recorded; `tests/vectors/README.md` tells how. Its rows say what came of its calls then. With every `cargo
test`, `tests/it/emulator/go_sdk.rs` sends the recorded requests again, and fails where a store answers otherwise, or has
other bytes afterwards. What the SDK itself makes of an answer is not tried again. Below 5 GiB its `MultiCopy` copies in parts
by a switch of its own tests only, which was set for the rows that say so; and it asks for its source over HTTP, which was
led to the same store.

An upload that is interrupted is one whose call for a part fails within the program, before anything is sent.
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """One call of one SDK under one mode at one store."""

    sdk: str
    store: str
    call: str
    mode: str
    verdict: str
    came: str


def read(path):
    """The rows of those that were run, then of the one that was recorded."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return [Row(*line.split("\t")) for line in lines] + [Row(*row) for row in sdk_recorded.rows()]


class Sources:
    """The SDKs as they are installed, or were."""

    def __init__(self, node_modules):
        self.folders = {name: pathlib.Path(node_modules, name) for name in (NODE, BROWSER)}
        self.folders[PYTHON] = pathlib.Path(importlib.util.find_spec("qcloud_cos").origin).parent

    def version(self, sdk):
        if sdk == GO:
            return f"{sdk_recorded.version()}, recorded"
        if sdk == PYTHON:
            return importlib.metadata.version(PYTHON)
        return json.loads((self.folders[sdk] / "package.json").read_text())["version"]

    def line(self, sdk, file, begins, text):
        """The number of the first line that has this text, from the one on that has the text to begin at; or None."""
        lines = (self.folders[sdk] / file).read_text(encoding="utf-8").splitlines()
        first = next((number for number, line in enumerate(lines, 1) if begins in line), len(lines))
        return next((number for number, line in enumerate(lines, 1) if number >= first and text in line), None)

    def place(self, sdk, quote):
        """Where an explanation looks, as the table has it."""
        where = f"`{quote[0]}`, `{quote[1]}`" if sdk == GO else f"`{quote[0]}:{self.line(sdk, *quote)}`"
        return f"{sdk} {where}"


def explain(row):
    """The number of the explanation, from 1; 0 where there is none."""
    return next((number for number, it in enumerate(EXPLAINED, 1) if it.fits(row)), 0)


def render(rows, sources):
    table = {}
    for row in rows:
        table.setdefault((row.sdk, row.call, row.mode), {})[row.store] = row
    # All modes of a call stand together, in the order in which the calls were made.
    calls = list(dict.fromkeys((row.sdk, row.call) for row in rows))
    ordered = sorted(table, key=lambda it: (calls.index(it[:2]), MODES.index(it[2])))
    green = sum(all(row.verdict == "green" for row in it.values()) for it in table.values())
    lines = [INTRODUCTION]
    lines.append("| SDK | version | rows | green | explained |\n| --- | --- | --- | --- | --- |")
    for sdk in dict.fromkeys(sdk for sdk, _ in calls):
        own = [it for place, it in table.items() if place[0] == sdk]
        fine = sum(all(row.verdict == "green" for row in it.values()) for it in own)
        lines.append(f"| {sdk} | {sources.version(sdk)} | {len(own)} | {fine} | {len(own) - fine} |")
    lines.append(f"| all | | {len(table)} | {green} | {len(table) - green} |")
    lines += ["", "## Explanations", ""]
    for number, it in enumerate(EXPLAINED, 1):
        places = [sources.place(sdk, quote) for sdk, quote in it.quotes.items()]
        lines.append(f"{number}. {it.why} Source: {', '.join(places)}.")
    lines += ["", "## Every call", ""]
    lines.append("| SDK | call | mode | result | by default | `--strict` |\n| --- | --- | --- | --- | --- | --- |")
    for place in ordered:
        found = table[place]
        notes = sorted({explain(row) for row in found.values() if row.verdict != "green"})
        result = f"explained: {', '.join(map(str, notes))}" if notes else "green"
        came = [found[store].came if store in found else "–" for store in STORES]
        if came[0] == came[1]:
            came[1] = "the same"
        sdk, call, mode = place
        if sdk == GO:
            result = f"recorded: {result}"
        lines.append(f"| {' | '.join([sdk, call, NAMES[mode], result, *came])} |")
    return "\n".join(lines) + "\n"


def main(rows, node_modules, new, kept=None):
    rows, sources = read(rows), Sources(node_modules)
    verdicts = {sdk: Verdicts(f"table: {sdk}") for sdk in LEAST}
    for row in rows:
        passed = row.verdict == "green" or explain(row) > 0
        detail = "" if passed else f"{row.came}: neither green nor explained"
        verdicts[row.sdk].say(f"rows, {row.store}", f"{row.call}, {row.mode}", passed, detail)
    for sdk, least in LEAST.items():
        for store in STORES:
            found = len({(row.call, row.mode) for row in rows if (row.sdk, row.store) == (sdk, store)})
            verdicts[sdk].say("count", f"at least {least} rows, {store}", found >= least, f"{found} rows")
    used = {(explain(row), row.sdk) for row in rows if row.verdict != "green"}
    for number, it in enumerate(EXPLAINED, 1):
        for sdk, quote in it.quotes.items():
            verdicts[sdk].say("explanations", f"{number} is needed", (number, sdk) in used)
            if sdk == GO:
                continue
            there = sources.line(sdk, *quote) is not None
            verdicts[sdk].say("explanations", f"{number} stands in {quote[0]}", there, "" if there else f"gone: {quote[2]}")
    table = Verdicts("table")
    text = render(rows, sources)
    pathlib.Path(new).write_text(text, encoding="utf-8")
    if kept is None:
        table.say("RESULTS.md", "was replaced", True)
    else:
        before = pathlib.Path(kept).read_text(encoding="utf-8")
        changes = list(difflib.unified_diff(before.splitlines(), text.splitlines(), "kept", "found", lineterm="", n=0))
        for line in changes[:60]:
            eprint(line)
        table.say("RESULTS.md", "is what was found", not changes, "" if not changes else f"differs: {new}")


if __name__ == "__main__":
    main(*sys.argv[1:])
