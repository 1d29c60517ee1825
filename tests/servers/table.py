"""Makes the table of what was found, and compares it with the one that is kept.

    table.py FINDINGS NEW [KEPT]

Writes NEW, and compares it with KEPT. Fails where a server that is in both is not the same in both. A server that is in one only is named: it was
not at hand today, or is a new version, whose rows are to be looked at and kept.
"""

import collections
import json
import pathlib
import sys

TABLES = {
    "Objects": [
        "put small", "put 10 parts", "stat", "get", "wrong key", "no key", "read by boto3", "plain text in its files",
    ],
    "What a receipt says": ["verified", "confirmed by"],
    "Refusals": ["refusal"],
    "Trouble": [
        "killed", "abort", "aborted by others", "part replaced by others", "lost Complete", "error inside 200",
        "changed on the way", "wrong digest",
    ],
    "Streams": ["stream", "stream, spooled", "stream, spooled, killed", "stream, changed on the way"],
    "Ways of proof": ["CRC-32C in the head", "CRC-32C behind the body", "Content-MD5", "unknown KMS key"],
    "Keys and writers": ["awkward keys", "no-clobber", "no-clobber, raced", "1,000 parts"],
}  # fmt: skip
MODES = ["none", "managed", "kms", "customer"]
INTRODUCTION = """\
# What sealift does on real servers

Made by `tests/servers/run`, which fails where a run finds something else. `–`: does not apply.
"""


def read(path):
    """Every field, by server, mode and column."""
    found = collections.defaultdict(list)
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        it = json.loads(line)
        values = found[it["server"], it["mode"], it["column"]]
        if it["value"] not in values:
            values.append(it["value"])
    return {place: " / ".join(sorted(values)) for place, values in found.items()}


def render(found):
    servers = sorted({server for server, _, _ in found})
    lines = [INTRODUCTION]
    for title, columns in TABLES.items():
        rows = [
            [server, mode, *(found.get((server, mode, column), "–") for column in columns)]
            for server in servers
            for mode in MODES
        ]
        lines += [f"## {title}\n", *table(["server", "mode", *columns], rows), ""]
    quirks = list(dict.fromkeys(column for _, mode, column in found if mode == "quirk"))
    rows = [[quirk, *(found.get((server, "quirk", quirk), "–") for server in servers)] for quirk in sorted(quirks)]
    lines += ["## What the servers answer, asked by boto3\n", *table(["asked", *servers], rows)]
    return "\n".join(lines) + "\n"


def table(head, rows):
    yield from (f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def fields(text):
    """The fields of a table that was rendered, by server, title, and the row's and the column's name."""
    title, head, found = "", None, {}
    for line in text.splitlines():
        if line.startswith("## "):
            title, head = line[3:], None
        elif line.startswith("| "):
            row = [field.strip() for field in line.strip("|").split(" | ")]
            if head is None:
                head = row
            elif not row[0].startswith("---"):
                first = 2 if head[0] == "server" else 1
                for column, value in zip(head[first:], row[first:]):
                    server, name = (row[0], f"{row[1]}: {column}") if first == 2 else (column, row[0])
                    found[server, title, name] = value
    return found


def main(findings, new, kept=None):
    text = render(read(findings))
    pathlib.Path(new).write_text(text, encoding="utf-8")
    if kept is None:
        return 0
    before = fields(pathlib.Path(kept).read_text(encoding="utf-8"))
    after = fields(text)
    was, now = ({server for server, _, _ in it} for it in (before, after))
    for server in sorted(was - now):
        print(f"not compared: {server} is in the table that is kept, and was not there today")
    for server in sorted(now - was):
        print(f"not compared: {server} is not in the table that is kept")
    both = was & now
    differences = [
        f"{' · '.join(place)}: was {before.get(place, 'not there')!r}, is {after.get(place, 'not there')!r}"
        for place in sorted(before.keys() | after.keys())
        if place[0] in both and before.get(place) != after.get(place)
    ]
    for difference in differences:
        print(f"DIFFERS  {difference}")
    print(f"{len(after)} fields of {', '.join(sorted(now))}; {len(differences)} differ; they are in {new}")
    return 1 if differences or not both else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
