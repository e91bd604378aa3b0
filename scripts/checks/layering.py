"""Who may include what: proxy -> storage -> dispatch, and the places of Paho and LevelDB.

The rules are those of docs/architecture.md; the first rule that fits a file is its own.
"""

import re

import tree

STD = r"<[a-z_0-9]+>"
RESULT = r"<boost/(system/|assert/source_location)[a-z_/]*\.hpp>"

# folder -> what its files may include; everything else is a violation.
ALLOWED = [
    ("dispatch/", [r'"dispatch/', STD, RESULT, r"<boost/json/"]),
    ("storage/", [r'"(dispatch|storage)/', STD, RESULT, r"<leveldb/",
                  r"<(fcntl|unistd|nmmintrin|sys/[a-z]+)\.h>"]),
    ("proxy/protocol/", [r'"proxy/protocol/', r'"dispatch/(topic|invariant|result)\.h"', STD,
                         RESULT]),
    ("proxy/", [r'"(dispatch|storage|proxy)/', r"<"]),
    ("tests/", [r'"(dispatch|storage|proxy|tests)/', r"<"]),
]

# No folder below may see these, however it is allowed by name.
DENIED = [
    ("dispatch/", r"<(thread|mutex|shared_mutex|condition_variable|future|atomic|fstream|iostream"
                  r"|filesystem|ctime|cstdio)>", "dispatch/ has no effects"),
    ("proxy/protocol/", r"<(thread|mutex|shared_mutex|condition_variable|future|atomic|fstream"
                        r"|iostream|filesystem|ctime|cstdio)>", "proxy/protocol/ has no effects"),
    ("storage/", r"<(thread|mutex|shared_mutex|condition_variable|future)>",
     "storage/ has no threads of its own"),
    ("proxy/", r"<leveldb/", "leveldb stays in storage/"),
]

# The one place that reports a broken invariant has to write it somewhere. LevelDB removes its old
# write-ahead logs in its own thread.
EXCEPT = {("dispatch/invariant.cc", "<cstdio>"), ("storage/log_env.h", "<mutex>")}

# The doors of storage/: who includes them sees nothing of LevelDB.
DOORS = {"storage/check.h", "storage/inspection.h", "storage/journal.h",
         "storage/journal_copy.h"}

OURS = re.compile(r'"(dispatch|storage|proxy|tests)/')
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])', re.M)
PAHO = re.compile(r"<(mqtt/|MQTT)")


def place_of_library(path, include):
    name = path.as_posix()
    if PAHO.match(include) and not re.match(r"(proxy/upstream_paho|tests/)", name):
        return "Paho stays in proxy/upstream_paho*"
    if include.startswith("<leveldb/") and name in DOORS:
        return "who uses the journal sees nothing of LevelDB"
    return None


def problem(path, include):
    name = path.as_posix()
    if not OURS.match(include):
        include = f"<{include[1:-1]}>"  # a library's, however it is quoted
    if (name, include) in EXCEPT:
        return None
    for folder, pattern, why in DENIED:
        if name.startswith(folder) and re.match(pattern, include):
            return why
    for folder, patterns in ALLOWED:
        if name.startswith(folder):
            if any(re.match(p, include) for p in patterns):
                return place_of_library(path, include)
            return f"not among the includes of {folder}"
    return "no layering rule for this folder"


def main():
    problems = []
    for path in tree.files(".h", ".cc"):
        for match in INCLUDE.finditer(tree.text(path)):
            why = problem(path, match.group(1))
            if why:
                line = tree.text(path)[:match.start(1)].count("\n") + 1
                problems.append(f"{path}:{line}: includes {match.group(1)}: {why}")
    tree.finish("layering", problems)


main()
