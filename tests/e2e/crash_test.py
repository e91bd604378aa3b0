"""PUBACK means it is stored: Sluice is killed right after an acknowledgement, again and again, and
every acknowledged message is found at the end.

A killed process keeps what it gave to the kernel; that it is synced too is held by the power-loss
tests of the journal.
"""

import os
import random
import subprocess

from harness import HOST, StageTest, main, raw

KILLS = int(os.environ.get("SLUICE_KILLS", "200"))


class KilledAfterAcknowledging(StageTest):
    queues = ("crash/+",)

    def test_every_acknowledged_message_is_there(self):
        acknowledged = set()
        for round_number in range(KILLS):
            if round_number % 4 == 3:
                acknowledged |= self.by_mosquitto_pub(round_number)
            else:
                acknowledged |= self.by_many_at_once(round_number)
            self.sluice.kill()
            self.sluice.start()
        found = self.drain()
        missing = acknowledged - set(found)
        self.assertFalse(missing, f"{len(missing)} of {len(acknowledged)} acknowledged messages "
                                  f"are gone: {sorted(missing)[:5]}")
        self.assertEqual(len(found), len(set(found)), "a message was stored twice")
        self.assertGreaterEqual(len(acknowledged), KILLS)

    def by_mosquitto_pub(self, round_number):
        """The stock client returns; at that moment the message has to be safe."""
        name = f"{round_number}-pub"
        subprocess.run(["mosquitto_pub", "-h", HOST, "-p", str(self.sluice.port), "-q", "1",
                        "-t", "crash/x", "-m", name], check=True, timeout=60)
        return {name}

    def by_many_at_once(self, round_number):
        """Forty publishes under way, killed in the middle of their acknowledgements."""
        names, sent = set(), {}
        with raw.Client(self.sluice.port, random.Random(round_number).choice((4, 5))) as client:
            self.assertEqual(client.connect(f"producer{round_number}").reason, 0)
            for number in range(40):
                name = f"{round_number}-{number}"
                sent[client.publish("crash/x", name)] = name
            for _ in range(1 + round_number % 20):
                answer = client.expect(raw.PUBACK)
                self.assertEqual(answer.reason, 0)
                names.add(sent[answer.id])
        return names

    def drain(self):
        """Every message of the queue, by a consumer with a wide window."""
        left = self.queue("crash-any")["ready"]
        consumer = self.client(client_id="drain")
        consumer.subscribe("$q/crash/+")
        return [m.payload.decode() for m in consumer.messages(left)]


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
