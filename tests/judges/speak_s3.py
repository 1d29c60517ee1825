"""boto3 speaks S3 with the embedded store: objects, parts, copies, lists, checksums, every mode of encryption.

    speak_s3.py SETTINGS PLAIN_SETTINGS FOLDER

SETTINGS and PLAIN_SETTINGS are what `sealift serve --dialect s3` wrote, with and without `--tls`. The token of temporary
credentials is the caller's AWS_SESSION_TOKEN.
"""

import os
import pathlib
import sys

import s3_access
import s3_objects
import s3_parts
from s3_judge import Judge
from s3_store import Store, stay_here

CHECKS = [
    s3_objects.objects,
    s3_objects.properties,
    s3_objects.ranges,
    s3_objects.copies,
    s3_parts.transfers,
    s3_parts.parts,
    s3_parts.unfinished,
    s3_parts.checksums,
    s3_access.keys,
    s3_access.accounts,
    s3_access.addresses,
    s3_access.presigned,
    s3_access.chunks,
]


def main(settings, plain_settings, folder):
    stay_here()
    token = os.environ.get("AWS_SESSION_TOKEN")
    judge = Judge(Store(settings, token), Store(plain_settings, token), pathlib.Path(folder))
    for check in CHECKS:
        check(judge)
    judge.verdicts.at_least(220)


if __name__ == "__main__":
    main(*sys.argv[1:])
