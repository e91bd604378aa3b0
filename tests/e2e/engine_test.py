"""What a queue keeps, for whom and for how long: groups, limits, expiry, pause, missing queues."""

import time

from harness import StageTest, main, raw, wait_for

V311, V5 = 4, 5


class Groups(StageTest):
    @staticmethod
    def next_or_none(client):
        try:
            return client.read(1)
        except TimeoutError:
            return None

    def test_two_groups_get_everything_once_each(self):
        self.create_queue("both", "both/+")
        members = {}
        for group in ("billing", "audit"):
            for name in ("1", "2"):
                client = self.client(client_id=f"{group}-{name}", props=[(raw.RECEIVE_MAXIMUM, 5)])
                client.subscribe(f"$q/$group/{group}/both/+")
                members[group, name] = client
        producer = self.client(client_id="both-producer")
        for number in range(40):
            producer.publish_and_wait("both/x", str(number))
        for group in ("billing", "audit"):
            got = []
            for name in ("1", "2"):
                client = members[group, name]
                while (packet := self.next_or_none(client)) is not None:
                    got.append(int(packet.payload))
                    client.acknowledge(packet)
            self.assertEqual(sorted(got), list(range(40)))
        shown = self.wait_for_queue("both", kept=0, bytes=0)
        self.assertEqual({g["name"]: g["acked_total"] for g in shown["groups"]},
                         {"audit": 40, "billing": 40})

    def test_a_group_keeps_its_progress_over_a_restart(self):
        self.create_queue("progress", "progress/+")
        slow = self.client(client_id="slow")
        slow.subscribe("$q/$group/slow/progress/+")
        fast = self.client(client_id="fast")
        fast.subscribe("$q/$group/fast/progress/+")
        producer = self.client(client_id="progress-producer")
        for number in range(3):
            producer.publish_and_wait("progress/x", str(number))
        fast.messages(3)
        slow.messages(1)
        self.wait_for_queue("progress", kept=2)
        self.sluice.kill()
        self.sluice.start()
        shown = self.queue("progress")
        self.assertEqual(shown["kept"], 2)
        slow = self.client(client_id="slow")
        slow.subscribe("$q/$group/slow/progress/+")
        self.assertEqual([m.payload for m in slow.messages(2)], [b"1", b"2"])
        fast = self.client(client_id="fast")
        fast.subscribe("$q/$group/fast/progress/+")
        self.assertTrue(fast.nothing_comes())

    def test_exclusive_consumers_take_turns(self):
        self.create_queue("one", "one/+", "--dispatch", "exclusive")
        first, second = self.client(client_id="one-1"), self.client(client_id="one-2")
        for client in (first, second):
            client.subscribe("$q/one/+")
        producer = self.client(client_id="one-producer")
        for number in range(4):
            producer.publish_and_wait("one/x", str(number))
        self.assertEqual([m.payload for m in first.messages(2)], [b"0", b"1"])
        self.assertTrue(second.nothing_comes())
        first.abort()
        self.assertEqual([m.payload for m in second.messages(2)], [b"2", b"3"])


class Limits(StageTest):
    def full_queue(self, name, overflow, messages=2):
        self.create_queue(name, f"{name}/+", "--set", f"max_messages={messages}",
                          "--set", f"overflow={overflow}")
        producer = self.client(client_id=f"{name}-producer")
        for number in range(messages):
            producer.publish_and_wait(f"{name}/x", str(number))
        return producer

    def test_reject_tells_the_publisher(self):
        producer = self.full_queue("reject", "reject")
        for qos, kind in ((1, raw.PUBACK), (2, raw.PUBREC)):
            producer.publish("reject/x", "more", qos=qos)
            answer = producer.expect(kind)
            self.assertEqual(answer.reason, 0x97)
            self.assertIn("full", answer.property(raw.REASON_STRING))
        old = self.client(V311, client_id="reject-old")
        old.publish("reject/x", "more")
        self.assertEqual(old.read_to_end(), [])
        self.assertEqual(self.queue("reject")["kept"], 2)
        worker = self.client(client_id="reject-worker")
        worker.subscribe("$q/reject/+")
        worker.messages(2)
        self.wait_for_queue("reject", kept=0)
        producer.publish_and_wait("reject/x", "room again")

    def test_drop_oldest_keeps_the_newest(self):
        producer = self.full_queue("drop", "drop_oldest")
        for number in range(2, 6):
            producer.publish_and_wait("drop/x", str(number))
        shown = self.wait_for_queue("drop", kept=2)
        self.assertEqual(shown["dropped_total"], 4)
        worker = self.client(client_id="drop-worker")
        worker.subscribe("$q/drop/+")
        self.assertEqual([m.payload for m in worker.messages(2)], [b"4", b"5"])

    def test_block_answers_when_there_is_room(self):
        producer = self.full_queue("block", "block")
        sent = producer.publish("block/x", "waits")
        self.assertTrue(producer.nothing_comes())
        worker = self.client(client_id="block-worker", props=[(raw.RECEIVE_MAXIMUM, 1)])
        worker.subscribe("$q/block/+")
        worker.messages(1)
        answer = producer.expect(raw.PUBACK)
        self.assertEqual((answer.id, answer.reason), (sent, 0))
        self.assertEqual([m.payload for m in worker.messages(2)], [b"1", b"waits"])

    def test_a_blocked_qos_2_publish_is_stored_once(self):
        self.full_queue("twice", "block")
        kept = {"client_id": "twice-2", "clean": False, "props": [(raw.SESSION_EXPIRY, 60)]}
        producer = self.client(**kept)
        sent = producer.publish("twice/x", "once", qos=2)
        self.assertTrue(producer.nothing_comes())
        producer.abort()
        again = self.client(**kept)
        again.publish("twice/x", "once", qos=2, packet_id=sent, dup=1)
        worker = self.client(client_id="twice-worker")
        worker.subscribe("$q/twice/+")
        self.assertEqual([m.payload for m in worker.messages(3)], [b"0", b"1", b"once"])
        self.assertEqual(again.expect(raw.PUBREC).reason, 0)
        self.assertTrue(worker.nothing_comes())

    def test_retention_and_expiry(self):
        self.create_queue("short", "short/+", "--set", "retention=1s", "--set",
                          "dead_on_expiry=true")
        producer = self.client(client_id="short-producer")
        producer.publish_and_wait("short/x", "old")
        self.wait_for_queue("short", kept=0, retired_total=1)
        self.create_queue("stale", "stale/+", "--set", "dead_on_expiry=true")
        producer.publish_and_wait("stale/x", "stale", props=[(raw.MESSAGE_EXPIRY, 1)])
        producer.publish_and_wait("stale/x", "fresh", props=[(raw.MESSAGE_EXPIRY, 60)])
        time.sleep(1.1)
        worker = self.client(client_id="stale-worker")
        worker.subscribe("$q/stale/+")
        message = worker.messages(1)[0]
        self.assertEqual(message.payload, b"fresh")
        self.assertLessEqual(message.property(raw.MESSAGE_EXPIRY), 60)
        self.wait_for_queue("stale", expired_total=1, dead=1)

    def test_pause(self):
        self.create_queue("pause", "pause/+")
        worker = self.client(client_id="pause-worker")
        worker.subscribe("$q/pause/+")
        producer = self.client(client_id="pause-producer")
        self.sluice.cli("queue", "update", "pause", "--set", "pause_consuming=true")
        producer.publish_and_wait("pause/x", "later")
        self.assertTrue(worker.nothing_comes())
        self.sluice.cli("queue", "update", "pause", "--set", "pause_consuming=false",
                        "--set", "pause_producing=true")
        self.assertEqual(worker.messages(1)[0].payload, b"later")
        producer.publish("pause/x", "no")
        self.assertEqual(producer.expect(raw.PUBACK).reason, 0x97)

    def test_a_key_out_of_the_payload(self):
        self.create_queue("json", "json/+", "--last-value", "--key", "payload:/id",
                          "--set", "key_missing=reject")
        producer = self.client(client_id="json-producer")
        for value in ('{"id": 1, "v": "a"}', '{"id": 2, "v": "b"}', '{"id": 1, "v": "c"}'):
            producer.publish_and_wait("json/x", value)
        producer.publish("json/x", "no JSON")
        self.assertEqual(producer.expect(raw.PUBACK).reason, 0x99)
        worker = self.client(client_id="json-worker")
        worker.subscribe("$q/json/+")
        self.assertEqual([m.payload for m in worker.messages(2)],
                         [b'{"id": 2, "v": "b"}', b'{"id": 1, "v": "c"}'])


class Waiting(StageTest):
    config = 'missing_queue = "wait"\n'

    def test_a_subscription_waits_for_its_queue(self):
        worker = self.client(client_id="early")
        self.assertEqual(worker.subscribe("$q/later/+"), [1])
        self.create_queue("later", "later/+")
        producer = self.client(client_id="later-producer")
        producer.publish_and_wait("later/x", "first")
        self.assertEqual(worker.messages(1)[0].payload, b"first")
        self.sluice.cli("queue", "delete", "later", "--force")
        self.create_queue("later", "later/+")
        producer.publish_and_wait("later/x", "second")
        self.assertEqual(worker.messages(1)[0].payload, b"second")


class Creating(StageTest):
    config = 'missing_queue = "create"\n[queue_defaults]\nmax_messages = 5\n'

    def test_a_subscription_makes_its_queue(self):
        worker = self.client(client_id="maker")
        self.assertEqual(worker.subscribe("$q/made/+"), [1])
        made = wait_for(lambda: self.queue("made-any"), 30, "the queue")
        self.assertEqual((made["filter"], made["max_messages"]), ("made/+", 5))
        self.client(client_id="made-producer").publish_and_wait("made/x", "job")
        self.assertEqual(worker.messages(1)[0].payload, b"job")


if __name__ == "__main__":
    main()
