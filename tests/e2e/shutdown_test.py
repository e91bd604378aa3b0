"""SIGTERM is an orderly end: clients are told, the exit code is 0, and nothing is lost."""

import signal

from harness import StageTest, main, raw

V311, V5 = 4, 5


class Shutdown(StageTest):
    queues = ("jobs/+",)

    def setUp(self):
        if not self.sluice.running:
            self.sluice.start()

    def consumer(self, version, client_id):
        consumer = self.client(version, client_id=client_id)
        consumer.subscribe("$q/jobs/+")
        return consumer

    def test_queue_clients_are_told(self):
        new, old = self.consumer(V5, "new"), self.consumer(V311, "old")
        self.assertEqual(self.sluice.stop(), 0)
        self.assertEqual([(p.kind, p.reason) for p in new.read_to_end()],
                         [(raw.DISCONNECT, 0x8B)])
        self.assertEqual(old.read_to_end(), [])

    def test_interrupt_ends_it_too(self):
        self.sluice.process.send_signal(signal.SIGINT)
        self.assertEqual(self.sluice.process.wait(60), 0)

    def test_what_was_in_flight_is_ready_again(self):
        self.client(client_id="producer").publish_and_wait("jobs/x", "job")
        self.consumer(V5, "holder").messages(1, acknowledge=False)
        self.assertEqual(self.sluice.stop(), 0)
        self.sluice.start()
        message = self.consumer(V5, "next").messages(1)[0]
        self.assertEqual((message.payload, message.user("q-attempt")), (b"job", "1"))

    def test_many_clients_and_a_slow_reader(self):
        clients = [self.consumer(V5, f"many{n}") for n in range(50)]
        slow = self.client(client_id="slow")
        slow.subscribe("flood")
        flooder = self.client(client_id="flooder")
        for _ in range(200):
            flooder.publish("flood", b"x" * 100_000, qos=0)
        flooder.ping()
        self.assertEqual(self.sluice.stop(), 0)
        for client in clients:
            self.assertEqual(client.read_to_end()[-1].reason, 0x8B)


if __name__ == "__main__":
    main()
