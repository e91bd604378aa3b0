"""Groups by command: made, moved to an offset or a time, and ended; pausing a queue; `sluice top`;
where a topic goes."""

import datetime
import json
import time

import harness
from harness import StageTest

BAD_ARGUMENTS = 2


class Groups(StageTest):
    config = """
[[queue]]
name = "jobs"
filter = "jobs/+"

[[queue]]
name = "copied"
filter = "jobs/#"
mode = "copy"

[[queue]]
name = "log"
filter = "log"
mode = "copy"
"""

    def group(self, *arguments):
        """A group command's answer."""
        return json.loads(self.sluice.cli("group", *arguments, "--json").stdout)

    def refused(self, code, words, *arguments):
        done = self.sluice.cli(*arguments, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn(words, done.stderr)

    def consumed(self, group, count):
        client = self.client()
        self.assertEqual(client.subscribe(f"$q/$group/{group}/log"), [1])
        got = [m.payload for m in client.messages(count)]
        self.assertTrue(client.nothing_comes())
        client.disconnect()
        return got

    def test_starts(self):
        self.group("create", "log", "keeper")  # what one group needs is kept
        producer = self.client()
        for n in range(4):
            producer.publish_and_wait("log", f"old {n}")
        time.sleep(0.05)
        middle = datetime.datetime.now(datetime.timezone.utc).isoformat()
        time.sleep(0.05)
        for n in range(3):
            producer.publish_and_wait("log", f"new {n}")
        old, new = [b"old %d" % n for n in range(4)], [b"new %d" % n for n in range(3)]
        for name, start, expected in (
                ("all", "earliest", old + new), ("none", "latest", []),
                ("three", "offset:3", old[2:] + new), ("since", f"time:{middle}", new),
                ("hour", "1h-ago", old + new), ("future", "time:2999-01-01T00:00:00Z", [])):
            with self.subTest(start=start):
                made = self.group("create", "log", name, "--from", start)
                self.assertEqual(made["ready"], len(expected))
                self.assertEqual(self.consumed(name, len(expected)), expected)
        moved = self.group("seek", "log", "all", "--from", f"time:{middle}")
        self.assertEqual((moved["name"], moved["ready"]), ("all", 3))
        self.assertEqual(self.consumed("all", 3), new)
        self.assertEqual(self.group("seek", "log", "none", "--from", "earliest")["ready"], 7)
        names = [g["name"] for g in self.group("list", "log")]
        self.assertEqual(names, ["all", "future", "hour", "keeper", "none", "since", "three"])
        self.assertEqual(len(self.group("list", "log", "--limit", "2")), 2)
        self.assertIn("NEXT-OFFSET", self.sluice.cli("group", "list", "log").stdout)
        self.refused(1, "already", "group", "create", "log", "all")
        self.group("delete", "log", "none")
        self.assertNotIn("none", [g["name"] for g in self.group("list", "log")])
        self.refused(1, "none", "group", "delete", "log", "none")

    def test_what_is_refused(self):
        self.refused(1, "nowhere", "group", "list", "nowhere")
        self.refused(1, "nowhere", "group", "create", "nowhere", "g", "--from", "1h-ago")
        self.refused(1, "ghost", "group", "seek", "log", "ghost", "--from", "earliest")
        self.refused(BAD_ARGUMENTS, "yesterday", "group", "create", "log", "g", "--from",
                     "yesterday")
        self.refused(BAD_ARGUMENTS, "name", "group", "create", "log", "a b")
        holder = self.client()
        self.assertEqual(holder.subscribe("$q/$group/held/jobs/+"), [1])
        self.refused(1, "consumers", "group", "delete", "jobs", "held")
        holder.disconnect()

    def test_pause_and_resume(self):
        self.sluice.cli("queue", "create", "p", "--filter", "p")
        client = self.client()
        client.subscribe("$q/p")
        self.sluice.cli("queue", "pause", "p", "--consuming")
        self.assertEqual(client.publish_and_wait("p", "1").reason, 0)
        self.assertTrue(client.nothing_comes())
        self.sluice.cli("queue", "resume", "p")
        client.messages(1)
        self.sluice.cli("queue", "pause", "p", "--producing")
        self.assertEqual(client.publish_and_wait("p", "2").reason, 0x97)
        self.assertFalse(self.queue("p")["pause_consuming"])
        said = self.sluice.cli("queue", "pause", "p").stdout
        self.assertEqual(said, "paused producing and consuming of queue p\n")
        shown = self.queue("p")
        self.assertEqual((shown["pause_producing"], shown["pause_consuming"]), (True, True))
        self.sluice.cli("queue", "resume", "p", "--producing")
        shown = self.queue("p")
        self.assertEqual((shown["pause_producing"], shown["pause_consuming"]), (False, True))
        self.refused(1, "nowhere", "queue", "pause", "nowhere")

    def test_top(self):
        self.sluice.cli("queue", "create", "t", "--filter", "t")
        self.client().publish_and_wait("t", "1")
        once = self.sluice.cli("top", "--once", "--limit", "2").stdout.split("\n")
        self.assertRegex(once[0], r"^\d+ queues: \d+ ready, \d+ in flight, \d+ dead$")
        self.assertEqual(once[1].split()[:3], ["NAME", "READY", "IN-FLIGHT"])
        self.assertEqual(len(once), 5)  # two queues, and the end of the last line
        twice = self.sluice.cli("top", "--count", "2", "--every", "0.1", "--json").stdout
        first, second = map(json.loads, twice.splitlines())
        self.assertEqual({q["name"] for q in first}, {q["name"] for q in second})
        self.assertEqual({q["in_rate"] for q in second if q["name"] == "t"}, {0})

    def test_where_a_topic_goes(self):
        def check(topic):
            found = json.loads(self.sluice.cli("queue", "check", topic, "--json").stdout)
            return [q["name"] for q in found["queues"]], found["forwarded"]

        self.assertEqual(check("jobs/a"), (["jobs", "copied"], False))
        self.assertEqual(check("jobs/a/b"), (["copied"], True))
        self.assertEqual(check("plain"), ([], True))
        self.assertEqual(self.sluice.cli("queue", "check", "jobs/a/b").stdout,
                         "queue copied (jobs/#, copy)\nforwarded to the broker\n")
        self.assertEqual(self.sluice.cli("queue", "check", "plain").stdout,
                         "no queue stores plain\nforwarded to the broker\n")
        for wrong in ("jobs/+", "$q/jobs", "$queue/jobs"):
            self.refused(BAD_ARGUMENTS, wrong, "queue", "check", wrong)


if __name__ == "__main__":
    harness.main()
