"""`upstream_lost = "hold"`: clients of queues stay and are served while the broker is away."""

import urllib.request

from harness import StageTest, WAIT_S, main, raw, wait_for

V311, V5 = 4, 5
REFUSED = 0x83


class Hold(StageTest):
    queues = ("jobs/+",)
    config = 'upstream_lost = "hold"\n'

    def setUp(self):
        self.addCleanup(self.bring_back)

    def bring_back(self):
        if not self.broker.running:
            self.broker.start()

    def held(self):
        with urllib.request.urlopen(self.sluice.admin + "/metrics", timeout=WAIT_S) as page:
            for line in page.read().decode().splitlines():
                if line.startswith("sluice_clients_held "):
                    return float(line.split()[1])
        return None

    def wait_for_held(self, count):
        wait_for(lambda: self.held() == count, WAIT_S, f"{count} clients held")

    def team(self, version, name, **connect):
        """A producer and a worker that have shown that they are of queues."""
        worker = self.client(version, client_id=f"{name}-worker", **connect)
        worker.subscribe("$q/jobs/+")
        producer = self.client(version, client_id=f"{name}-producer")
        self.job(producer, worker, f"{name}-0")
        return producer, worker

    def job(self, producer, worker, payload):
        producer.publish_and_wait("jobs/x", payload)
        self.assertEqual([m.payload for m in worker.messages(1)], [payload.encode()])

    def is_with_the_broker(self, client, topic):
        """A plain publish of the client arrives at the broker."""
        witness = raw.Client(self.broker.port, V5, WAIT_S)
        self.addCleanup(witness.close)
        witness.connect(client_id=f"witness-{topic.replace('/', '-')}")
        witness.subscribe(topic)
        self.assertLess(client.publish_and_wait(topic, "back").reason, 0x80)
        self.assertEqual(witness.messages(1)[0].payload, b"back")

    def away_and_back(self, end_broker):
        for version in (V311, V5):
            with self.subTest(version=version):
                name = f"{self._testMethodName}-{version}"
                producer, worker = self.team(version, name)
                end_broker()
                self.wait_for_held(2)
                for n in range(5):
                    self.job(producer, worker, f"{name}-away-{n}")
                for client in (producer, worker):
                    self.assertTrue(client.nothing_comes())  # PINGREQ is answered
                self.broker.start()
                self.wait_for_held(0)
                self.job(producer, worker, f"{name}-back")
                for n, client in enumerate((producer, worker)):
                    self.is_with_the_broker(client, f"plain/{name}/{n}")
                    client.disconnect()

    def test_broker_is_killed(self):
        self.away_and_back(lambda: self.broker.kill())

    def test_broker_is_stopped(self):
        self.away_and_back(lambda: self.broker.stop())

    def test_what_is_for_the_broker_is_refused(self):
        producer, worker = self.team(V5, "refused")
        old, _ = self.team(V311, "refused-old")
        self.broker.kill()
        self.wait_for_held(4)
        answer = producer.publish_and_wait("plain/x", "no")
        self.assertEqual(answer.reason, REFUSED)
        self.assertIn("the broker is away", answer.property(raw.REASON_STRING))
        producer.publish("plain/x", "dropped", qos=0)
        self.assertEqual(worker.subscribe("plain/x", "$q/jobs/+"), [REFUSED, 1])
        self.assertEqual(worker.unsubscribe("plain/x", "$q/jobs/+"), [REFUSED, 0])
        self.assertEqual(old.subscribe("plain/x"), [0x80])
        old.publish("plain/x", "no way to refuse it")
        self.assertEqual(old.read_to_end(), [])
        self.assertTrue(producer.nothing_comes())

    def test_plain_clients_are_told(self):
        plain = self.client(client_id="plain")
        listener = self.client(client_id="listener")
        listener.subscribe("plain", "$q/jobs/+")  # in a session that ends with its connection
        self.broker.kill()
        for client in (plain, listener):
            self.assertEqual([p.kind for p in client.read_to_end()], [raw.DISCONNECT])
        self.assertEqual(self.held(), 0)

    def test_persistent_subscriptions_go_on(self):
        # Mosquitto 2.0 doesn't keep a session over its end that began with Clean Start.
        expiry = [(raw.SESSION_EXPIRY, 300)]
        for version, props in ((V311, ()), (V5, expiry)):
            with self.subTest(version=version):
                client = self.client(version, client_id=f"both-{version}", clean=False,
                                     props=props)
                topic = f"plain/kept/{version}"
                client.subscribe(topic, "$q/jobs/+")
                self.broker.stop()  # which keeps its sessions when it is stopped in order
                self.wait_for_held(1)
                self.broker.start()
                self.wait_for_held(0)
                sender = self.client(client_id="sender")
                sender.publish_and_wait(topic, "plain")
                self.assertEqual([m.payload for m in client.messages(1)], [b"plain"])
                sender.publish_and_wait("jobs/x", "job")
                self.assertEqual([m.payload for m in client.messages(1)], [b"job"])
                client.unsubscribe("$q/jobs/+")
                for end in (client, sender):
                    end.disconnect()

    def test_a_client_that_comes_anew_takes_its_place(self):
        producer, worker = self.team(V5, "anew")
        self.broker.kill()
        self.wait_for_held(2)
        with raw.Client(self.sluice.port, V5, WAIT_S) as early:
            self.assertEqual(early.connect(client_id="anew-worker").reason, 0x88)
        self.assertTrue(worker.nothing_comes())
        self.broker.start()
        wait_for(lambda: self.connects("anew-worker"), WAIT_S, "the broker to be back")
        self.assertEqual([p.reason for p in worker.read_to_end()], [0x8E])
        producer.disconnect()
        self.wait_for_held(0)

    def connects(self, client_id):
        with raw.Client(self.sluice.port, V5, WAIT_S) as client:
            return client.connect(client_id=client_id).reason == 0


if __name__ == "__main__":
    main()
