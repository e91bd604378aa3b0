"""What survives: a restart of Sluice, in order or by SIGKILL, and one of the broker."""

from harness import StageTest, main, raw, wait_for

V311, V5 = 4, 5


class Restart(StageTest):
    def restart(self, how):
        if how == "SIGTERM":
            self.assertEqual(self.sluice.stop(), 0)
        else:
            self.sluice.kill()
        self.sluice.start()

    def test_definitions_messages_and_progress(self):
        for how in ("SIGTERM", "SIGKILL"):
            with self.subTest(how=how):
                name = f"keep-{how.lower()}"
                self.create_queue(name, f"{name}/+", "--dispatch", "round_robin")
                producer = self.client(client_id=f"{name}-producer")
                for number in range(10):
                    producer.publish_and_wait(f"{name}/x", str(number))
                worker = self.client(client_id=f"{name}-worker", props=[(raw.RECEIVE_MAXIMUM, 10)])
                worker.subscribe(f"$q/{name}/+")
                got = worker.messages(10, acknowledge=False)
                for message in got[:3] + got[6:7]:
                    worker.acknowledge(message)
                before = self.wait_for_queue(name, acked_total=4)
                self.restart(how)
                after = self.wait_for_queue(name, ready=6, in_flight=0, acked_total=4)
                for key in ("filter", "mode", "dispatch", "stored_total"):
                    self.assertEqual(after[key], before[key])
                again = self.client(client_id=f"{name}-again")
                again.subscribe(f"$q/{name}/+")
                messages = again.messages(6)
                self.assertEqual([int(m.payload) for m in messages], [3, 4, 5, 7, 8, 9])
                self.assertEqual([int(m.user("q-offset")) for m in messages],
                                 [4, 5, 6, 8, 9, 10])
                self.client(client_id=f"{name}-more").publish_and_wait(f"{name}/x", "more")
                self.assertEqual(again.messages(1)[0].user("q-offset"), "11")

    def test_attempts_are_remembered(self):
        self.create_queue("attempts", "attempts/+")
        self.client(client_id="attempts-producer").publish_and_wait("attempts/x", "poison")
        worker = self.client(client_id="attempts-worker")
        worker.subscribe("$q/attempts/+")
        for attempt in ("1", "2"):
            message = worker.messages(1, acknowledge=False)[0]
            self.assertEqual(message.user("q-attempt"), attempt)
            worker.acknowledge(message, 0x80)
        self.assertEqual(worker.messages(1, acknowledge=False)[0].user("q-attempt"), "3")
        self.restart("SIGKILL")
        again = self.client(client_id="attempts-again")
        again.subscribe("$q/attempts/+")
        # Two failures were written; how the kill ended the third attempt is not known.
        self.assertEqual(again.messages(1)[0].user("q-attempt"), "3")

    def test_subscriptions_come_back_with_their_session(self):
        for how in ("SIGTERM", "SIGKILL"):
            with self.subTest(how=how):
                name = f"session-{how.lower()}"
                self.create_queue(name, f"{name}/+")
                kept = {"client_id": f"{name}-worker", "clean": False,
                        "props": [(raw.SESSION_EXPIRY, 3600)]}
                worker = self.client(**kept)
                worker.subscribe(f"$q/{name}/+")
                self.restart(how)
                self.client(client_id=f"{name}-producer").publish_and_wait(f"{name}/x", "job")
                self.wait_for_queue(name, ready=1, consumers=0)
                again = self.client(**kept)
                self.assertTrue(again.connack.session_present)
                self.assertEqual(again.messages(1)[0].payload, b"job")
                again.unsubscribe(f"$q/{name}/+")
                self.restart(how)
                self.client(**kept)
                self.assertEqual(self.queue(name)["consumers"], 0)

    def test_plain_messages_without_acknowledgement_come_again(self):
        """The broker's session has them until the client itself has acknowledged."""
        for version in (V311, V5):
            with self.subTest(version=version):
                name = f"unacknowledged-{version}"
                kept = {"client_id": name, "clean": False,
                        "props": [(raw.SESSION_EXPIRY, 3600)] if version == V5 else ()}
                worker = self.client(version, **kept)
                worker.subscribe(name, qos=2)
                producer = self.client(client_id=f"{name}-producer")
                producer.publish_and_wait(name, "done")
                producer.publish_and_wait(name, "once")
                done = producer.publish(name, "twice", qos=2)
                self.assertEqual(producer.expect(raw.PUBREC).id, done)
                producer.acknowledge(done, kind=raw.PUBREL)
                self.assertEqual(producer.expect(raw.PUBCOMP).id, done)
                first, once, twice = worker.messages(3, acknowledge=False)
                worker.acknowledge(first)
                worker.acknowledge(twice, kind=raw.PUBREC)
                self.assertEqual(worker.expect(raw.PUBREL).id, twice.id)
                self.restart("SIGKILL")
                again = self.client(version, **kept)
                self.assertTrue(again.connack.session_present)
                came = {p.kind: p for p in (again.read(), again.read())}
                repeated = came[raw.PUBLISH]
                self.assertEqual((repeated.payload, repeated.dup, repeated.id),
                                 (b"once", 1, once.id))
                self.assertEqual(came[raw.PUBREL].id, twice.id)
                again.acknowledge(repeated)
                again.acknowledge(twice, kind=raw.PUBCOMP)
                self.assertTrue(again.nothing_comes())

    def test_deleted_queue_stays_deleted(self):
        self.create_queue("gone", "gone/+")
        self.client(client_id="gone-producer").publish_and_wait("gone/x", "old")
        self.sluice.cli("queue", "delete", "gone", "--force")
        self.restart("SIGKILL")
        self.assertNotIn("gone", self.sluice.names())
        self.create_queue("gone", "gone/+")
        self.wait_for_queue("gone", ready=0, stored_total=0)

    def test_last_value_over_a_restart(self):
        self.create_queue("last", "last/+", "--last-value")
        self.client(client_id="last-1").publish_and_wait("last/a", "Blue")
        self.restart("SIGKILL")
        self.client(client_id="last-2").publish_and_wait("last/a", "Green")
        self.wait_for_queue("last", ready=1)
        light = self.client(client_id="last-light")
        light.subscribe("$q/last/+")
        self.assertEqual(light.messages(1)[0].payload, b"Green")
        self.assertTrue(light.nothing_comes())


class BrokerAway(StageTest):
    queues = ("jobs/+",)

    def connect_result(self, version, client_id):
        with raw.Client(self.sluice.port, version, 60) as client:
            return client.connect(client_id).reason

    def test_connect_is_refused_until_the_broker_is_back(self):
        self.client(client_id="before").publish_and_wait("jobs/x", "kept")
        self.broker.stop()
        self.assertEqual(self.connect_result(V5, "away"), 0x88)
        self.assertEqual(self.connect_result(V311, "away"), 0x03)
        self.assertEqual(self.queue("jobs-any")["ready"], 1)
        self.broker.start()
        wait_for(lambda: self.connect_result(V5, "back") == 0, 60, "the broker to be used again")
        worker = self.client(client_id="worker")
        worker.subscribe("$q/jobs/+")
        self.assertEqual(worker.messages(1)[0].payload, b"kept")

    def test_client_is_told_that_the_broker_went(self):
        new, old = self.client(client_id="new"), self.client(V311, client_id="old")
        for client in (new, old):
            client.subscribe("plain")
        self.broker.kill()
        self.assertEqual(old.read_to_end(), [])
        last = new.read_to_end()
        self.assertTrue(all(p.kind == raw.DISCONNECT for p in last), last)
        self.broker.start()
        wait_for(lambda: self.connect_result(V311, "back") == 0, 60, "the broker to be used again")


if __name__ == "__main__":
    main()
