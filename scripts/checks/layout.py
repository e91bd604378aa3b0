"""The top level stays as it is, and tests mirror the tree."""

import tree

TOP = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "compose", "dispatch",
       "docs", "proxy", "scripts", "storage", "tests"}
TEST_FOLDERS = {"dispatch", "storage", "proxy", "protocol", "admin", "model", "crash", "wire",
                "e2e", "fuzz", "bench", "support"}


def main():
    problems = []
    seen = {p.parts[0] for p in tree.files()}
    for name in sorted(seen - TOP):
        if not name.startswith("."):
            problems.append(f"{name}: not part of the top level")
    for name in sorted(TOP - seen):
        problems.append(f"{name}: missing from the top level")
    for path in tree.files():
        if path.parts[0] == "tests" and len(path.parts) > 2 and path.parts[1] not in TEST_FOLDERS:
            problems.append(f"{path}: no such folder of tests")
        if path.suffix in {".cpp", ".hpp", ".cxx", ".hh"}:
            problems.append(f"{path}: sources are .cc and .h here")
    tree.finish("layout", problems)


main()
