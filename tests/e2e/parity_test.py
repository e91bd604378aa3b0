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
import typing
import unittest

from harness import main
from parity import compare, hivemq, hivemq_differs
from parity.brokers import Pair, mosquitto
from parity.stage import SCRIPTS

from parity import (connecting, ending, exactly_once, limits, malformed, publishing,  # noqa: F401
                    retaining, sessions, subscribing, wills)

AT_ONCE = 48
# With so many at once on a busy machine a broker may be slower than the patience of a script. What
# still differs then runs once more, alone; under numbers of its own, which name its clients and
# topics.
ALONE_FROM = 5000
GUARANTEES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
LIST = "## Differences from talking to the broker"


class Job(typing.NamedTuple):
    number: int
    name: str
    function: typing.Callable
    version: int
    broker: str  # which of the brokers of this kind
    named: list  # the differences that it shows, in one of its versions at least


def wanted(kind):
    """The scripts for this kind of broker."""
    words = os.environ.get("SLUICE_PARITY", "").split()
    for number, (name, function, versions, options) in enumerate(SCRIPTS):
        if kind not in options.get("only", (kind,)):
            continue
        if words and not any(word in name for word in words):
            continue
        for version in versions:
            named = (options.get("differs", ()) if kind == "mosquitto" else
                     [row for row, names in hivemq_differs.DIFFERS.items() if name in names])
            yield Job(number * 2 + (version == 5), name, function, version,
                      options.get("broker", "usual"), named)


class Parity(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-parity-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def compare_all(self, kind, pairs):
        """`pairs`: the brokers by the name that scripts ask for."""
        jobs = list(wanted(kind))
        self.assertTrue(jobs)

        def one(job):
            pair = pairs[job.broker]
            ports = (pair.alone.port, pair.sluice.port)
            return compare.compare(kind, job.number, job.name, job.function, job.version,
                                   job.named, ports)

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(one, jobs))
        for place, job in enumerate(jobs):
            if outcomes[place].difference is not None:
                outcomes[place] = one(job._replace(number=ALONE_FROM + job.number))
        self.check_listed(outcomes, jobs)
        for outcome in outcomes:
            with self.subTest(kind=kind, script=outcome.title):
                if outcome.difference is not None:
                    self.fail(f"{outcome.title}\n{outcome.difference}")
                if outcome.runs > 1:
                    print(f"{outcome.title}: equal at run {outcome.runs}", file=sys.stderr)
        behaviours = len({job.name for job in jobs})
        equal = sum(outcome.difference is None for outcome in outcomes)
        print(f"{kind}: {equal} of {len(jobs)} runs equal, {behaviours} behaviours",
              file=sys.stderr)

    def check_listed(self, outcomes, jobs):
        """A script that names a difference must show it, in one of its versions at least."""
        shown = {}
        for outcome in outcomes:
            shown.setdefault(outcome.name, set()).update(outcome.shown)
        for name, named in {job.name: job.named for job in jobs}.items():
            with self.subTest(script=name):
                self.assertEqual(set(named), shown[name])

    def test_the_list_of_differences_is_the_documented_one(self):
        text = GUARANTEES.read_text().partition(LIST)[2].partition("\n## ")[0]
        documented = re.findall(r"^\| `([a-z-]+)` \|", text, re.M)
        self.assertEqual(sorted(documented), sorted(compare.DIFFERENCES))
        used = {row for _, _, _, options in SCRIPTS for row in options.get("differs", ())}
        used.update(hivemq_differs.DIFFERS)
        self.assertEqual(sorted(documented), sorted(used))

    def pair(self, name, alone, behind):
        pair = Pair(self.folder / f"{name}-pair", alone, behind)
        self.addCleanup(pair.stop)
        return pair

    def test_mosquitto(self):
        def broker(name, **options):
            started = mosquitto(self.folder / name, **options)
            self.addCleanup(started.kill)
            return started

        self.compare_all("mosquitto", {
            "usual": self.pair("usual", broker("alone"), broker("behind")),
            "limited": self.pair("limited", broker("limited-alone", limited=True),
                                 broker("limited-behind", limited=True))})

    def test_hivemq(self):
        limits = hivemq.LIMITS
        try:
            server = hivemq.HiveMq(self.folder / "hivemq", {
                "alone": "", "behind": "", "limited-alone": limits, "limited-behind": limits})
        except hivemq.Unavailable as why:
            self.skipTest(f"HiveMQ CE: {why}")
        server.start()
        self.addCleanup(server.kill)
        self.compare_all("hivemq", {
            "usual": self.pair("usual", server.brokers["alone"], server.brokers["behind"]),
            "limited": self.pair("limited", server.brokers["limited-alone"],
                                 server.brokers["limited-behind"])})


if __name__ == "__main__":
    main()
