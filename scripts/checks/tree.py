"""What the checks share: the files of the repository and how a check ends."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files(*suffixes):
    """Files of the working tree that git would keep, by suffix; all of them without one."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    paths = sorted({pathlib.Path(name) for name in listed if name})
    return [p for p in paths if (ROOT / p).is_file() and (not suffixes or p.suffix in suffixes)]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def finish(title, problems):
    """Prints the outcome, and ends the process with it."""
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{title}: " + (f"{len(problems)} problems" if problems else "ok"))
    sys.exit(1 if problems else 0)
