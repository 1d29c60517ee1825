"""What the checks of boto3 have in common: clients, keys, a large file, and how a verdict comes about."""

import random

from botocore.exceptions import ClientError
from s3_store import Encryption
from verdicts import Verdicts, require

PART_SIZE = 5 << 20
LARGE = 2 * PART_SIZE + 70_001


class Judge:
    """What all the checks work with."""

    def __init__(self, store, plain, folder):
        self.store, self.plain, self.folder = store, plain, folder
        self.verdicts = Verdicts("boto3")
        self.rng = random.Random(20260102)
        self.key, self.other = self.rng.randbytes(32), self.rng.randbytes(32)
        self.sse = Encryption(store.region, self.key)
        self.client = store.client()
        self.bucket = store.bucket
        self.large = folder / "large"
        self.large.write_bytes(self.rng.randbytes(LARGE))

    def trial(self, check, case):
        return self.verdicts.trial(check, case)

    def refused(self, check, case, status, code, call):
        """A call that must be refused, and just so."""
        with self.trial(check, case):
            try:
                call()
            except ClientError as error:
                answer = error.response
                found = (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"])
                require(found == (status, code), f"refused with {found}, not {(status, code)}: {error}")
            else:
                raise AssertionError("was not refused")

    def same(self, key, data, client=None, **more):
        """Reads an object back, whole."""
        answer = (client or self.client).get_object(Bucket=self.bucket, Key=key, **more)
        found = answer["Body"].read()
        require(found == data, f"{len(found)} bytes, and not the {len(data)} that were put")
        return answer
