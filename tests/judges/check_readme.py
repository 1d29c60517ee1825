"""Runs what the README says of the store: its shell lines start it, its Python lines put an object into it.

    check_readme.py README SEALIFT FOLDER

Nothing in them is changed but the folder `/tmp`, which becomes FOLDER.
"""

import os
import pathlib
import re
import subprocess
import sys

from verdicts import Verdicts, require


def block(text, language):
    """The first block of that language in the part on the embedded store."""
    part = text[text.index("\n## The embedded store") :]
    return re.search(rf"```{language}\n(.*?)```", part, re.DOTALL)[1]


def main(readme, sealift, folder):
    text = pathlib.Path(readme).read_text(encoding="utf-8")
    folder = pathlib.Path(folder)
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (programs / "sealift").symlink_to(pathlib.Path(sealift).resolve())
    shell = block(text, "sh").replace("/tmp/", f"{folder}/")
    (folder / "block.py").write_text(block(text, "python"), encoding="utf-8")
    verdicts = Verdicts("README")
    with verdicts.trial("test your own COS code", "the store starts, and cos-python-sdk-v5 puts an object"):
        # The store is the shell's only job; it ends with it.
        script = f"set -e; trap 'kill %1' EXIT\n{shell}\n{sys.executable} {folder}/block.py"
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", script], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
        )
        require(done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")
        asked = (folder / "log.jsonl").read_text(encoding="utf-8")
        require('"Put"' in asked and '"a key"' in asked, f"the store was asked for {asked!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
