"""dispatch/ and proxy/protocol/ are pure: asks nm what their libraries need from outside.

usage: purity.py BUILD_DIR
"""

import pathlib
import re
import subprocess
import sys

import tree

LIBRARIES = ["dispatch/libdispatch.a", "proxy/protocol/libprotocol.a"]

IMPURE = {
    "a clock": r"std::chrono::_V2::\w+::now|(clock_)?gettime(ofday)?$|time$|nanosleep$|usleep$",
    "a thread": r"std::(thread|this_thread)::|pthread_|std::condition_variable|__gthread|sem_\w+$",
    "a file": r"std::(__cxx11::)?basic_[io]?f(stream|ilebuf)|std::filesystem|"
              r"(f?open(at)?|fopen|fread|read|write|fsync|unlink|rename|mkdir|stat|fstat)(64)?$",
    "a socket": r"(socket|connect|accept4?|bind|listen|recv(from|msg)?|send(to|msg)?|poll"
                r"|epoll_\w+)$",
    "a random device": r"std::random_device|getrandom$|getentropy$|s?rand(om)?$",
    "the environment": r"(secure_)?getenv$",
    "terminal output": r"std::(cout|cerr|clog)$|std::ios_base::Init|puts$|printf$|(std)?(out|err)$",
}

# The one object that reports a broken invariant before it aborts.
EXCEPT_OBJECTS = {"invariant.cc.o"}


def undefined_symbols(library):
    """(object, symbol) for everything the library doesn't define."""
    out = subprocess.run(["nm", "-uC", library], check=True, capture_output=True, text=True).stdout
    current = ""
    for line in out.split("\n"):
        if line.endswith(".o:"):
            current = line[:-1]
        match = re.match(r"\s+[Uw] (.*)", line)
        if match:
            yield current, match.group(1)


def impurity(symbol):
    name = symbol.split("@")[0].split("(")[0]
    for what, pattern in IMPURE.items():
        if re.match(pattern, name):
            return what
    return None


def main():
    build = pathlib.Path(sys.argv[1])
    problems = []
    for name in LIBRARIES:
        library = build / name
        if not library.exists():
            problems.append(f"{library} is not there: build it first")
            continue
        for obj, symbol in undefined_symbols(library):
            what = impurity(symbol)
            if what and obj not in EXCEPT_OBJECTS:
                problems.append(f"{library}({obj}) needs {what}: {symbol}")
    tree.finish("purity", problems)


main()
