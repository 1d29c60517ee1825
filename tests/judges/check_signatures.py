"""Judges every request that the recorder saw, with the official signer.

`CosS3Auth` of cos-python-sdk-v5 signs the recorded request again, at the recorded time, over the headers that our
signature names; the two `Authorization` values must be equal to the last character. Then: the signature must cover
the host, every `x-cos-` header, the length and every query parameter; each call must bring the token, and carry the
three headers of the customer key exactly where the service wants them.
"""

import json
import sys
import types
from urllib.parse import parse_qsl, unquote

import qcloud_cos.cos_auth
from calls import Carriage, operation
from manners import COS
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth
from verdicts import Verdicts


def official(config, method, path, query, headers, begin, end):
    """What the official signer says of this request at this time."""
    # It takes the time from the clock, begins 60 seconds before it, and adds a validity.
    qcloud_cos.cos_auth.time = types.SimpleNamespace(time=lambda: begin + 60)
    request = types.SimpleNamespace(method=method, url="", headers=dict(headers))
    signer = CosS3Auth(config, key=path, params=dict(query), expire=end - begin - 60, sign_host=False)
    return signer(request).headers["Authorization"]


def judge(verdicts, config, request, token, carriage):
    raw_path, _, raw_query = request["target"].partition("?")
    path = unquote(raw_path, errors="strict")
    query = dict(parse_qsl(raw_query, keep_blank_values=True))
    headers = {name.lower(): value for name, value in request["headers"]}
    name = operation(request["method"], query)
    mode = path.split("/")[1]
    case = f"{name} {path}"
    carriage.judge(case, name, mode, headers)

    ours = headers.get("authorization", "")
    fields = dict(field.split("=", 1) for field in ours.split("&") if "=" in field)
    listed = [it for it in fields.get("q-header-list", "").split(";") if it]
    begin, _, end = fields.get("q-sign-time", ";").partition(";")
    # Some read a plus sign in a query as a space and some do not: it has to be encoded either way.
    sound = begin.isdigit() and end.isdigit() and "+" not in raw_query
    if not verdicts.say("form", case, sound, "" if sound else f"{request['target']} {ours}"):
        return
    # Header names are listed percent-encoded; the wire has them plain.
    plain = {unquote(it): it for it in listed}
    signed = {it: headers[it] for it in plain if it in headers}
    theirs = official(config, request["method"], path, query, signed, int(begin), int(end))
    verdicts.equal("signature", case, ours, theirs)

    wanted = {it for it in headers if it == "host" or it.startswith("x-cos-")}
    if request["method"] in ("PUT", "POST"):
        wanted.add("content-length")
    unsigned = sorted(wanted - set(plain))
    unsigned += sorted({it.lower() for it in query} - {unquote(it) for it in fields.get("q-url-param-list", "").split(";")})
    verdicts.say("coverage", case, not unsigned and "host" in headers, f"not signed: {unsigned}" if unsigned else "")

    verdicts.equal("token", case, headers.get("x-cos-security-token"), token)


def main(manifest, requests):
    with open(manifest, encoding="utf-8") as file:
        told = json.load(file)
    config = CosConfig(Region=told["region"], SecretId=told["secret_id"], SecretKey=told["secret_key"])
    verdicts = Verdicts("cos: signer of cos-python-sdk-v5")
    carriage = Carriage(verdicts, COS)
    with open(requests, encoding="utf-8") as file:
        for line in file:
            judge(verdicts, config, json.loads(line), told["token"], carriage)
    # A signer that agrees with everything would prove nothing: one changed letter must change its answer.
    sample = {"host": "h", "content-length": "0"}
    one = official(config, "PUT", "/a b", {}, sample, 1_700_000_000, 1_700_003_600)
    other = official(config, "PUT", "/a+b", {}, sample, 1_700_000_000, 1_700_003_600)
    verdicts.say("count", "the signer tells requests apart", one != other)
    carriage.finish()
    verdicts.at_least(4 * len(told["objects"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
