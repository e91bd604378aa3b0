"""Calm files: sources up to 450 lines, functions up to 60. Tests may be longer than that."""

import json
import subprocess

import tree

MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60
MAX_COLUMNS = 100


def is_test(path):
    return path.parts[0] == "tests"


def functions(paths):
    """(file, first line, length, name) of every C++ and Python function, as ctags sees them."""
    out = subprocess.run(
        ["ctags", "--output-format=json", "--fields=+ne", "--languages=C++,Python",
         "--kinds-C++=f", "--kinds-Python=fm", "--map-C++=+.h", "-f", "-", "-L", "-"],
        cwd=tree.ROOT, input="\n".join(map(str, paths)), check=True, capture_output=True,
        text=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            yield tag["path"], tag["line"], tag["end"] - tag["line"] + 1, tag["name"]


def main():
    problems = []
    ours = [p for p in tree.files(".h", ".cc", ".py") if not is_test(p)]
    for path in ours:
        lines = tree.text(path).count("\n")
        if lines > MAX_FILE_LINES:
            problems.append(f"{path}: {lines} lines, at most {MAX_FILE_LINES}")
    for path, line, length, name in functions(ours):
        if length > MAX_FUNCTION_LINES:
            problems.append(f"{path}:{line}: {name} has {length} lines, at most "
                            f"{MAX_FUNCTION_LINES}")
    for path in tree.files(".py", ".sh"):
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            if len(line) > MAX_COLUMNS:
                problems.append(f"{path}:{number}: {len(line)} columns, at most {MAX_COLUMNS}")
    tree.finish("sizes", problems)


main()
