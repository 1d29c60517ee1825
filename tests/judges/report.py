"""Gathers the verdicts into a table, names each failure, and ends with `N passed, N failed`.

    report.py VERDICTS [JUDGE...]

Fails on any failed case, and where a judge that must speak did not.
"""

import collections
import sys

from manners import MANNERS, S3
from sdk_table import LEAST

JUDGES = [
    "cos: sealift",
    "cos: signer of cos-python-sdk-v5",
    "cos: cos-python-sdk-v5",
    "cos: cos-nodejs-sdk-v5",
    "cos: sealift, after SDKs",
    *(f"table: {sdk}" for sdk in LEAST),
    "table",
    "README",
    *(
        f"{manner}: {judge}"
        for manner, it in MANNERS.items()
        if it.dialect is S3
        for judge in ("sealift", "signer of botocore", "boto3", "sealift, after SDKs")
    ),
    "boto3",
]


def main(path, *judges):
    judges = judges or JUDGES
    counts = collections.defaultdict(lambda: [0, 0])
    failures = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            verdict, judge, check, case, *detail = line.rstrip("\n").split("\t")
            passed = verdict == "pass"
            counts[judge, check][0 if passed else 1] += 1
            if not passed:
                failures.append(f"FAIL  {judge}: {check}: {case}: {' '.join(detail)}")
    for judge in sorted({it for it, _ in counts}.difference(judges)):
        # An SDK whose calls only fill a table speaks here when it breaks off, which has failed already.
        if not any(failed for (it, _), (_, failed) in counts.items() if it == judge):
            counts[judge, "count"][1] += 1
            failures.append(f"FAIL  {judge}: is no judge that is known here")
    for judge in judges:
        if not any(it == judge for it, _ in counts):
            counts[judge, "count"][1] += 1
            failures.append(f"FAIL  {judge}: said nothing")
    wide, width = (max(map(len, names)) for names in zip(*counts))
    print(f"{'judge':{wide}} {'check':{width}} passed failed")
    # By `JUDGES`, and those that are not in it last.
    place = {judge: index for index, judge in enumerate(judges)}
    for (judge, check), (passed, failed) in sorted(counts.items(), key=lambda it: place.get(it[0][0], len(place))):
        print(f"{judge:{wide}} {check:{width}} {passed:6} {failed:6}")
    for failure in failures[:50]:
        print(failure)
    if len(failures) > 50:
        print(f"… and {len(failures) - 50} more")
    total = [sum(column) for column in zip(*counts.values())]
    print(f"{total[0]} passed, {total[1]} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
