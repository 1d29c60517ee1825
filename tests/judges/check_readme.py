"""Runs what the README says of the store: its shell lines start it, its Python lines use it.

    check_readme.py README SEALIFT FOLDER

Nothing in them is changed but the folder `/tmp`, which becomes FOLDER.
"""

import os
import pathlib
import re
import subprocess
import sys

from verdicts import Verdicts, require


def blocks(text, language):
    """The blocks of that language in the part on the embedded store."""
    part = text[text.index("\n## The embedded store") :]
    return re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)


def main(readme, sealift, folder):
    text = pathlib.Path(readme).read_text(encoding="utf-8")
    folder = pathlib.Path(folder)
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (programs / "sealift").symlink_to(pathlib.Path(sealift).resolve())
    own = ("COS_", "AWS_", "SEALIFT_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {"PATH": f"{programs}:{os.environ['PATH']}", "NO_PROXY": "*"}
    verdicts = Verdicts("README")
    expected = [
        ("test your own COS code", "cos-python-sdk-v5 puts, copies and reads by a presigned address", "log.jsonl", "Copy"),
        ("test your own S3 code", "boto3 puts and reads with nothing but the variables", "s3.jsonl", "Get"),
    ]
    for (title, what, log, operation), shell, python in zip(
        expected, blocks(text, "sh"), blocks(text, "python"), strict=True
    ):
        with verdicts.trial(title, f"the store starts, and {what}"):
            (folder / "block.py").write_text(python, encoding="utf-8")
            # The store is the shell's only job; it ends with it.
            shell = shell.replace("/tmp/", f"{folder}/")
            script = f"set -e; trap 'kill %1' EXIT\n{shell}\n{sys.executable} {folder}/block.py"
            done = subprocess.run(
                ["bash", "-c", script], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
            )
            require(done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")
            asked = (folder / log).read_text(encoding="utf-8")
            require(f"{operation}\"" in asked and '"a key"' in asked, f"the store was asked for {asked!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
