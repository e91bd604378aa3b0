"""Addresses in the spelling of EMQX 6, with and without `[compat] emqx_prefix`."""

import harness
from harness import StageTest, raw

QUEUE = """
[[queue]]
name = "jobs"
filter = "jobs/#"
"""
ON = "[compat]\nemqx_prefix = true\n"


class On(StageTest):
    config = QUEUE + ON

    def test_by_name_and_by_name_and_filter(self):
        for version in (4, 5):
            for address in ("$queue/jobs", "$queue/jobs/jobs/#"):
                with self.subTest(version=version, address=address):
                    worker = self.client(version=version)
                    self.assertEqual(worker.subscribe(address, "plain"), [1, 1])
                    worker.publish_and_wait("jobs/a", "x")
                    [message] = worker.messages(1)
                    self.assertEqual((message.topic, message.payload), ("jobs/a", b"x"))
                    self.assertEqual(self.queue("jobs")["consumers"], 1)
                    if version == 5:
                        self.assertEqual(worker.unsubscribe(address, "plain"), [0, 0])
                        self.assertEqual(worker.unsubscribe(address), [0x11])
                    worker.disconnect()
                    self.wait_for_queue("jobs", consumers=0)

    def test_what_names_no_queue(self):
        client = self.client()
        for address, reason in (("$queue/none", 0x80), ("$queue/jobs/other", 0x80),
                                ("$queue/none/a", 0x80), ("$queue/", 0x8F), ("$queue/+/a", 0x8F)):
            ack = client.subscribe_for_ack(address)
            self.assertEqual(ack.reasons, [reason], address)
            self.assertTrue(ack.property(raw.REASON_STRING))
        refused = client.publish_and_wait("$queue/jobs", "x")
        self.assertEqual(refused.reason, 0x90)

    def test_two_spellings_on_one_connection(self):
        worker = self.client()
        self.assertEqual(worker.subscribe("$queue/jobs", "$queue/jobs/jobs/#"), [1, 1])
        self.assertEqual(worker.unsubscribe("$queue/jobs"), [0])
        worker.publish_and_wait("jobs/b", "y")
        self.assertEqual([m.payload for m in worker.messages(1)], [b"y"])
        self.assertEqual(worker.unsubscribe("$queue/jobs/jobs/#"), [0])
        self.wait_for_queue("jobs", consumers=0)
        worker.disconnect()

    def test_a_session_over_restarts_and_the_switch_turned_off(self):
        lasting = {"client_id": "w", "props": [(raw.SESSION_EXPIRY, 100)]}
        self.assertEqual(self.client(**lasting).subscribe("$queue/jobs"), [1])
        file = self.folder / "sluice.toml"
        self.sluice.stop()
        self.sluice.start()
        back = self.client(clean=False, **lasting)
        self.assertEqual(back.connack.session_present, 1)
        back.publish_and_wait("jobs/c", "1")
        self.assertEqual([m.payload for m in back.messages(1)], [b"1"])
        self.sluice.stop()
        file.write_text(QUEUE)
        self.sluice.start()
        off = self.client(clean=False, **lasting)
        off.publish_and_wait("jobs/c", "2")
        self.assertTrue(off.nothing_comes())
        off.disconnect()
        self.sluice.stop()
        file.write_text(self.config)
        self.sluice.start()
        self.assertEqual([m.payload for m in self.client(clean=False, **lasting).messages(1)],
                         [b"2"])


class Made(StageTest):
    config = 'missing_queue = "create"\n' + ON

    def test_made_by_its_name(self):
        client = self.client()
        self.assertEqual(client.subscribe("$queue/orders/shop/+/orders"), [1])
        self.assertEqual(self.queue("orders")["filter"], "shop/+/orders")
        self.assertEqual(client.subscribe("$queue/nameless"), [0x80])


class Off(StageTest):
    config = QUEUE

    def test_it_is_the_brokers(self):
        client = self.client()
        self.assertEqual(client.subscribe("$queue/jobs"), [1])
        self.assertEqual(self.queue("jobs")["consumers"], 0)
        self.assertEqual(client.unsubscribe("$queue/jobs"), [0])
        self.assertEqual(client.publish_and_wait("$queue/jobs", "x").reason, 0x90)


if __name__ == "__main__":
    harness.main()
