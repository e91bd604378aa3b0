"""Sluice is killed with SIGKILL under load, at random times, again and again: nothing acknowledged
is missing, nothing that was certainly settled comes back, and the order is kept.

A killed process keeps what it gave to the kernel; that it is synced too is held by the power-loss
tests of the journal. SLUICE_KILLS is how many rounds there are, SLUICE_SEED repeats a run.
"""

import concurrent.futures
import json
import os
import random
import subprocess
import time

from harness import HOST, StageTest, main, raw, sluice_binary

KILLS = int(os.environ.get("SLUICE_KILLS", "200"))
PADDING = "." * 200
SEED = int(os.environ.get("SLUICE_SEED", str(random.randrange(1 << 32))))


class KilledUnderLoad(StageTest):
    """A producer with twenty publishes open and a consumer, both busy when the end comes.

    A consumer isn't told when its acknowledgement is on disk. But steps are durable in their order,
    so what it published behind it, once acknowledged, makes the settlements before it certain. The
    others are in doubt: they may come again.

    Nobody takes what is published to stays/x, one a round. It would keep all of the log, and so it
    is moved out of it now and then.
    """

    queues = ("load/+", "marks/+", "stays/+")
    config = "[limits]\nlog_window_bytes = 1_048_576\n"

    def setUp(self):
        self.sent = 0  # messages are numbers, published in order
        self.stays = []
        self.stored, self.settled, self.in_doubt, self.seen = set(), set(), set(), set()

    def test_any_moment_is_safe(self):
        print(f"SLUICE_SEED={SEED}", flush=True)
        chance = random.Random(SEED)
        for number in range(KILLS):
            with self.subTest(round=number):
                self.one_round(chance.choice((4, 5)), chance.uniform(0, 0.1))
        left = self.drain()
        self.check_order(left, self.stored.copy(), self.settled, self.in_doubt)
        missing = self.stored - self.seen
        self.assertFalse(missing, f"{len(missing)} of {len(self.stored)} acknowledged messages "
                                  f"are gone: {sorted(missing)[:5]}")
        self.assertGreater(len(self.stored), KILLS)
        self.assertGreater(len(self.settled), KILLS)
        self.check_moved()
        stays = self.client(client_id="stays")
        stays.subscribe("$q/stays/+")
        shown = self.queue("stays-any")
        there = [int(m.payload) for m in stays.messages(shown["ready"] + shown["in_flight"])]
        self.assertEqual(there, sorted(set(there)))
        self.assertFalse(set(self.stays) - set(there), "gone, moved or not")

    def check_moved(self):
        """That the journal is sound, and that not all of it is in the log."""
        self.sluice.kill()
        for command in "check", "stats":
            done = subprocess.run([sluice_binary(), "journal", command, str(self.sluice.data_dir),
                                   "--json"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        if KILLS >= 100:
            self.assertGreater(json.loads(done.stdout)["spilled_blocks"], 0)
        self.sluice.start()

    def one_round(self, version, seconds):
        before = self.stored.copy(), self.settled.copy(), self.in_doubt.copy()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            consumer = pool.submit(self.until_killed, self.consume)
            producer = pool.submit(self.until_killed, self.produce, version)
            time.sleep(seconds)
            self.sluice.kill()
            producer.result()
            got = consumer.result() or []
        self.check_order(got, *before)
        self.sluice.start()

    def check_order(self, got, stored, settled, in_doubt):
        """What one consumer got, when this had been acknowledged, settled, or left in doubt."""
        self.assertEqual(got, sorted(set(got)), "not in order, or twice")
        self.assertFalse(settled & set(got), "settled before the kill, and here again")
        due = {n for n in stored - settled - in_doubt if got and n < got[-1]}
        self.assertFalse(due - set(got), "passed over")

    def until_killed(self, work, *arguments):
        got = []
        try:
            work(got, *arguments)
        except (raw.Closed, OSError):
            pass
        return got

    def produce(self, _, version):
        under_way = {}
        with raw.Client(self.sluice.port, version) as client:
            client.connect("producer")
            number, self.sent = self.sent, self.sent + 1
            client.publish("stays/x", str(number))
            client.expect(raw.PUBACK)
            self.stays.append(number)
            while True:
                while len(under_way) < 20:
                    number, self.sent = self.sent, self.sent + 1
                    under_way[client.publish("load/x", f"{number} {PADDING}")] = number
                answer = client.expect(raw.PUBACK)
                assert answer.reason == 0, answer
                self.stored.add(under_way.pop(answer.id))

    def consume(self, got):
        marks = {}
        with raw.Client(self.sluice.port) as client:
            client.connect("consumer", props=[(raw.RECEIVE_MAXIMUM, 16)])
            client.subscribe("$q/load/+")
            while True:
                packet = client.read()
                if packet.kind == raw.PUBACK:
                    self.settled.update(got[:marks.pop(packet.id)])
                    continue
                assert packet.kind == raw.PUBLISH, packet
                got.append(int(packet.payload.split()[0]))
                self.seen.add(got[-1])
                self.in_doubt.add(got[-1])
                client.acknowledge(packet)
                if len(got) % 8 == 0:
                    marks[client.publish("marks/x", "all before are settled")] = len(got)

    def drain(self):
        consumer = self.client(client_id="drain")
        consumer.subscribe("$q/load/+")
        shown = self.queue("load-any")
        left = [int(m.payload.split()[0])
                for m in consumer.messages(shown["ready"] + shown["in_flight"])]
        self.seen.update(left)
        return left


class KilledAfterAcknowledging(StageTest):
    """The stock client returns; at that moment the message has to be safe."""

    queues = ("crash/+",)

    def test_every_acknowledged_message_is_there(self):
        names = [f"round-{number}" for number in range(max(3, KILLS // 20))]
        for name in names:
            subprocess.run(["mosquitto_pub", "-h", HOST, "-p", str(self.sluice.port), "-q", "1",
                            "-t", "crash/x", "-m", name], check=True, timeout=60)
            self.sluice.kill()
            self.sluice.start()
        left = self.queue("crash-any")["ready"]
        consumer = self.client(client_id="drain")
        consumer.subscribe("$q/crash/+")
        self.assertEqual([m.payload.decode() for m in consumer.messages(left)], names)


class KilledWhileSettling(StageTest):
    queues = ("jobs/+",)
    JOBS = 300

    def setUp(self):
        producer = self.client(client_id="producer")
        for number in range(self.JOBS):
            producer.publish("jobs/x", str(number))
        for _ in range(self.JOBS):
            producer.expect(raw.PUBACK)

    def work(self, name, count, acknowledge=True):
        """A worker that takes some jobs; the numbers it took."""
        worker = self.client(client_id=name, props=[(raw.RECEIVE_MAXIMUM, 10)])
        worker.subscribe("$q/jobs/+")
        return {int(m.payload) for m in worker.messages(count, acknowledge)}

    def test_nothing_is_lost(self):
        seen = set()
        for number in range(20):
            seen |= self.work(f"worker{number}", 10)
            self.sluice.kill()
            self.sluice.start()
        seen |= self.work("rest", self.queue("jobs-any")["ready"])
        self.assertEqual(seen, set(range(self.JOBS)))
        self.wait_for_queue("jobs-any", ready=0, in_flight=0, acked_total=self.JOBS)

    def test_settled_jobs_stay_settled(self):
        before = self.queue("jobs-any")["acked_total"]
        done = self.work("done", 20)
        # The counter moves when the settlements are durable.
        self.wait_for_queue("jobs-any", acked_total=before + 20)
        self.sluice.kill()
        self.sluice.start()
        again = self.work("again", self.queue("jobs-any")["ready"])
        self.assertEqual(done & again, set())
        self.assertEqual(done | again, set(range(self.JOBS)))


if __name__ == "__main__":
    main()
