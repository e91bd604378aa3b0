"""A client can't tell Sluice from the broker: every script of tests/e2e/parity runs against the
broker and through Sluice, and what the client was sent is compared packet by packet.

SLUICE_PARITY=words runs only scripts whose names have one of the words.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from harness import main
from parity import compare
from parity.brokers import Pair, mosquitto
from parity.stage import SCRIPTS

from parity import (connecting, ending, exactly_once, limits, malformed, publishing,  # noqa: F401
                    retaining, sessions, subscribing, wills)

AT_ONCE = 48
GUARANTEES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
LIST = "## Differences from talking to the broker"


def wanted(kind):
    """(number, name, function, version, options) of the scripts for this kind of broker."""
    words = os.environ.get("SLUICE_PARITY", "").split()
    for number, (name, function, versions, options) in enumerate(SCRIPTS):
        if kind not in options.get("only", (kind,)):
            continue
        if words and not any(word in name for word in words):
            continue
        for version in versions:
            yield number * 2 + (version == 5), name, function, version, options


class Parity(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-parity-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def compare_all(self, kind, pairs):
        """`pairs`: the brokers by the name that scripts ask for."""
        jobs = [job for job in wanted(kind) if job[4].get("broker", "usual") in pairs]
        self.assertTrue(jobs)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            def one(job):
                pair = pairs[job[4].get("broker", "usual")]
                ports = (pair.alone.port, pair.sluice.port)
                return compare.compare(*job, ports)

            outcomes = list(pool.map(one, jobs))
        self.check_listed(outcomes, jobs)
        for outcome in outcomes:
            with self.subTest(kind=kind, script=outcome.title):
                if outcome.difference is not None:
                    self.fail(f"{outcome.title}\n{outcome.difference}")
                if outcome.runs > 1:
                    print(f"{outcome.title}: equal at run {outcome.runs}", file=sys.stderr)
        behaviours = len({job[1] for job in jobs})
        equal = sum(outcome.difference is None for outcome in outcomes)
        print(f"{kind}: {equal} of {len(jobs)} runs equal, {behaviours} behaviours",
              file=sys.stderr)

    def check_listed(self, outcomes, jobs):
        """A script that names a difference must show it, in one of its versions at least."""
        shown = {}
        for outcome in outcomes:
            shown.setdefault(outcome.name, set()).update(outcome.shown)
        for _, name, _, _, options in jobs:
            with self.subTest(script=name):
                self.assertEqual(set(options.get("differs", ())), shown[name])

    def test_the_list_of_differences_is_the_documented_one(self):
        text = GUARANTEES.read_text().partition(LIST)[2].partition("\n## ")[0]
        documented = re.findall(r"^\| `([a-z-]+)` \|", text, re.M)
        self.assertEqual(sorted(documented), sorted(compare.DIFFERENCES))
        used = {row for _, _, _, options in SCRIPTS for row in options.get("differs", ())}
        self.assertEqual(sorted(documented), sorted(used))

    def test_mosquitto(self):
        pairs = {"usual": Pair(self.folder / "usual", mosquitto)}
        self.addCleanup(pairs["usual"].stop)
        pairs["limited"] = Pair(self.folder / "limited", lambda f: mosquitto(f, limited=True))
        self.addCleanup(pairs["limited"].stop)
        self.compare_all("mosquitto", pairs)


if __name__ == "__main__":
    main()
