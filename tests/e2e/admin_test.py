"""Administration of what is in queues: looking without consuming, ending, bringing back."""

import json
import urllib.error
import urllib.request

from harness import StageTest, main, raw


class Messages(StageTest):
    def listed(self, *arguments):
        return json.loads(self.sluice.cli(*arguments, "--json").stdout)

    def publish(self, topic, count):
        producer = self.client(client_id=f"producer-{topic}".replace("/", "-"))
        for number in range(count):
            producer.publish_and_wait(topic, str(number))
        return producer

    def get(self, path):
        try:
            with urllib.request.urlopen(self.sluice.admin + path, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def test_peek_consumes_nothing(self):
        self.create_queue("peek", "peek/+")
        self.publish("peek/x", 5)
        worker = self.client(client_id="peek-worker", props=[(raw.RECEIVE_MAXIMUM, 2)])
        worker.subscribe("$q/peek/+")
        first, second = worker.messages(2, acknowledge=False)
        worker.acknowledge(second)
        worker.messages(1, acknowledge=False)
        self.wait_for_queue("peek", ready=2, in_flight=2, acked_total=1)
        got = self.listed("message", "list", "peek")
        self.assertEqual([(m["offset"], m["state"], m["payload"]) for m in got],
                         [(1, "in_flight", "0"), (3, "in_flight", "2"), (4, "ready", "3"),
                          (5, "ready", "4")])
        self.assertEqual(got[0]["publisher"], "producer-peek-x")
        later = self.listed("message", "list", "peek", "--from", "4")
        self.assertEqual([m["offset"] for m in later], [4, 5])
        self.assertEqual(self.sluice.cli("message", "show", "peek", "5", "--payload").stdout, "4")
        self.assertEqual(self.sluice.cli("message", "show", "peek", "2", check=False).returncode, 1)
        self.wait_for_queue("peek", ready=2, in_flight=2)
        worker.acknowledge(first)

    def test_pages(self):
        self.create_queue("pages", "pages/+")
        self.publish("pages/x", 7)
        offsets, cursor = [], ""
        while True:
            status, page = self.get(f"/api/v1/queues/pages/messages?limit=3{cursor}")
            self.assertEqual(status, 200)
            offsets += [m["offset"] for m in page["messages"]]
            if "next_cursor" not in page:
                break
            cursor = "&cursor=" + page["next_cursor"]
        self.assertEqual(offsets, list(range(1, 8)))
        status, refused = self.get("/api/v1/queues/pages/messages?cursor=zz")
        self.assertEqual((status, refused["error"]["kind"]), (400, "invalid"))

    def test_purge_leaves_what_is_in_flight(self):
        self.create_queue("purge", "purge/+")
        self.publish("purge/x", 4)
        worker = self.client(client_id="purge-worker", props=[(raw.RECEIVE_MAXIMUM, 1)])
        worker.subscribe("$q/purge/+")
        held = worker.messages(1, acknowledge=False)[0]
        self.wait_for_queue("purge", ready=3, in_flight=1)
        self.assertIn("would purge 3 messages",
                      self.sluice.cli("queue", "purge", "purge", "--dry-run").stdout)
        self.assertEqual(self.listed("queue", "purge", "purge"), {"name": "purge", "purged": 3})
        self.wait_for_queue("purge", ready=0, in_flight=1, purged_total=3)
        worker.acknowledge(held)
        self.wait_for_queue("purge", in_flight=0, acked_total=1)

    def test_poison_dies_and_is_brought_back(self):
        self.create_queue("poison", "poison/+", "--set", "max_deliveries=2",
                          "--set", "retry_delay=0s")
        self.publish("poison/x", 3)
        worker = self.client(client_id="poison-worker")
        worker.subscribe("$q/poison/+")
        for message in worker.messages(3, acknowledge=False):
            worker.acknowledge(message, 0x80)
        for message in worker.messages(3, acknowledge=False):
            worker.acknowledge(message, 0x80)
        self.wait_for_queue("poison", dead=3, ready=0, in_flight=0)
        worker.disconnect()
        dead = self.listed("dead", "list", "poison")
        self.assertEqual([(d["dead"]["reason"], d["dead"]["attempts"], d["payload"]) for d in dead],
                         [("max_deliveries", 2, "0"), ("max_deliveries", 2, "1"),
                          ("max_deliveries", 2, "2")])
        self.assertEqual(self.sluice.cli("dead", "redrive", "poison", "9", check=False).returncode,
                         1)
        second = str(dead[1]["offset"])
        self.assertEqual(self.listed("dead", "redrive", "poison", second)["redriven"], 1)
        self.wait_for_queue("poison", dead=2, ready=1)
        self.assertEqual(self.listed("dead", "redrive", "poison", "--all")["redriven"], 2)
        self.wait_for_queue("poison", dead=0, ready=3)
        healed = self.client(client_id="poison-healed")
        healed.subscribe("$q/poison/+")
        got = healed.messages(3)
        self.assertEqual([m.payload for m in got], [b"1", b"0", b"2"])
        self.assertEqual({m.user("q-attempt") for m in got}, {"1"})

    def test_dead_letters_are_purged(self):
        self.create_queue("rejects", "rejects/+")
        self.publish("rejects/x", 2)
        worker = self.client(client_id="rejects-worker")
        worker.subscribe("$q/rejects/+")
        for message in worker.messages(2, acknowledge=False):
            worker.acknowledge(message, 0x99)
        self.wait_for_queue("rejects", dead=2)
        self.assertEqual(self.sluice.cli("queue", "delete", "rejects", check=False).returncode, 1)
        self.assertEqual(self.listed("dead", "purge", "rejects")["purged"], 2)
        self.wait_for_queue("rejects", dead=0)
        self.sluice.cli("queue", "delete", "rejects")

    def test_update_reaches_a_consumer_that_is_there(self):
        self.create_queue("live", "live/+", "--max-inflight", "1")
        self.publish("live/x", 3)
        worker = self.client(client_id="live-worker")
        worker.subscribe("$q/live/+")
        worker.messages(1, acknowledge=False)
        self.assertTrue(worker.nothing_comes())
        self.sluice.cli("queue", "update", "live", "--max-inflight", "3")
        worker.messages(2, acknowledge=False)
        refused = self.sluice.cli("queue", "update", "live", "--set", "filter=other/+", check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("filter can't be changed", refused.stderr)

    def test_consumers_are_listed_with_what_they_hold(self):
        self.create_queue("who", "who/+")
        self.publish("who/x", 2)
        worker = self.client(client_id="who-worker", props=[(raw.RECEIVE_MAXIMUM, 5)])
        worker.subscribe("$q/who/+")
        worker.messages(2, acknowledge=False)
        seen = self.listed("consumer", "list", "who")
        self.assertEqual(len(seen), 1)
        self.assertEqual({k: seen[0][k] for k in ("client_id", "queue", "group", "in_flight",
                                                  "credit", "paused_ms", "dead")},
                         {"client_id": "who-worker", "queue": "who", "group": "default",
                          "in_flight": 2, "credit": 3, "paused_ms": 0, "dead": False})
        worker.disconnect()
        self.wait_for_queue("who", consumers=0)
        self.assertEqual(self.listed("consumer", "list", "who"), [])

    def test_metrics_follow_what_happens(self):
        def metrics():
            with urllib.request.urlopen(self.sluice.admin + "/metrics", timeout=30) as answer:
                lines = answer.read().decode().splitlines()
            return {name: float(value) for name, value in
                    (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

        self.create_queue("measured", "measured/+")
        before = metrics()
        self.publish("measured/x", 3)
        worker = self.client(client_id="measured-worker", props=[(raw.RECEIVE_MAXIMUM, 1)])
        worker.subscribe("$q/measured/+")
        worker.messages(1)
        worker.messages(1, acknowledge=False)
        self.wait_for_queue("measured", ready=1, in_flight=1, acked_total=1)
        after = metrics()
        of_queue = {name: value for name, value in after.items() if 'queue="measured"' in name}
        self.assertEqual(of_queue['sluice_queue_messages{queue="measured",state="ready"}'], 1)
        self.assertEqual(of_queue['sluice_queue_messages{queue="measured",state="in_flight"}'], 1)
        self.assertEqual(of_queue['sluice_queue_ended_total{queue="measured",how="acked"}'], 1)
        self.assertEqual(of_queue['sluice_queue_stored_total{queue="measured"}'], 3)
        self.assertEqual(of_queue['sluice_queue_consumers{queue="measured"}'], 1)
        self.assertGreater(of_queue['sluice_queue_oldest_age_seconds{queue="measured"}'], 0)

        def grown(name):
            return after[name] - before[name]

        self.assertEqual(grown('sluice_publishes_total{from="client"}'), 3)
        self.assertEqual(grown('sluice_connections_total{result="accepted"}'), 2)
        self.assertGreaterEqual(grown("sluice_journal_commit_seconds_count"), 4)
        self.assertEqual(after["sluice_journal_commits_failed_total"], 0)
        self.assertEqual(after['sluice_upstream{state="reachable"}'], 1)
        self.assertEqual(after["sluice_healthy"], 1)
        self.assertGreaterEqual(after["sluice_clients"], 2)


if __name__ == "__main__":
    main()
