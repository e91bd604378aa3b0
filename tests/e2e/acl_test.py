"""Who may produce and consume: the [[acl]] rules, for both dialects, QoS 0 to 2, Wills, and
sessions that come back under other rules."""

import urllib.request

import harness
from harness import StageTest, raw

NOT_AUTHORIZED = 0x87

RULES = """
missing_queue = "wait"

[[queue]]
name = "jobs"
filter = "jobs/+"

[[queue]]
name = "jobs.all"
filter = "jobs/#"
mode = "copy"

[[queue]]
name = "copied"
filter = "copied"
mode = "copy"

[[acl]]
users = ["worker*"]
queues = ["jobs"]
allow = ["consume"]

[[acl]]
client_ids = ["gate"]
allow = ["produce"]

[[acl]]
users = ["all"]
allow = ["produce", "consume"]

[[acl]]
users = ["half"]
queues = ["jobs"]
allow = ["produce"]

[[acl]]
deny = ["produce", "consume"]
"""


class Rules(StageTest):
    config = RULES

    def denied(self):
        name = "sluice_publishes_denied_total "
        with urllib.request.urlopen(self.sluice.admin + "/metrics", timeout=30) as answer:
            line = next(text for text in answer.read().decode().splitlines()
                        if text.startswith(name))
        return int(line[len(name):])

    def test_consume(self):
        worker = self.client(username="worker-1")
        ack = worker.subscribe_for_ack("$q/jobs/+", "$q/jobs/#", "$q/$group/g/jobs/+",
                                       "$q/$group/g/jobs/#", "$q/$dead/jobs/+", "$q/$dead/jobs/#",
                                       "plain/#")
        self.assertEqual(ack.reasons, [1, NOT_AUTHORIZED] * 3 + [1])
        self.assertIn("$q/$dead/jobs/#", ack.property(raw.REASON_STRING))
        self.assertEqual(self.client(username="other").subscribe("$q/jobs/+"), [NOT_AUTHORIZED])
        self.assertEqual(self.client().subscribe("$q/jobs/+"), [NOT_AUTHORIZED])
        older = self.client(version=4, username="worker-2")
        self.assertEqual(older.subscribe("$q/jobs/#", "$q/jobs/+"), [0x80, 1])

    def test_waiting_for_a_queue_takes_the_right_to_any(self):
        self.assertEqual(self.client(username="worker-1").subscribe("$q/later"), [NOT_AUTHORIZED])
        self.assertEqual(self.client(username="all").subscribe("$q/later"), [1])

    def test_produce(self):
        before = self.queue("jobs.all")["stored_total"]
        gate = self.client(client_id="gate")
        self.assertEqual(gate.publish_and_wait("jobs/a", "1").reason, 0)
        for who in (self.client(username="worker-1"), self.client(username="half")):
            refused = who.publish_and_wait("jobs/a", "2")
            self.assertEqual(refused.reason, NOT_AUTHORIZED)
            self.assertIn("jobs/a", refused.property(raw.REASON_STRING))
            packet_id = who.publish("jobs/a", "2", qos=2)
            refused = who.expect(raw.PUBREC)
            self.assertEqual((refused.id, refused.reason), (packet_id, NOT_AUTHORIZED))
            self.assertTrue(who.nothing_comes())
        self.assertEqual(self.queue("jobs.all")["stored_total"], before + 1)

    def test_qos_0_is_dropped_and_counted_and_the_connection_lives(self):
        before = self.denied()
        for version in (4, 5):
            client = self.client(version=version)
            client.publish("jobs/a", "x", qos=0)
            self.assertTrue(client.nothing_comes())
        self.assertEqual(self.denied(), before + 2)

    def test_3_1_1_is_closed_without_an_acknowledgement(self):
        for qos in (1, 2):
            client = self.client(version=4, username="worker-1")
            client.publish("jobs/a", "x", qos=qos)
            self.assertEqual(client.read_to_end(), [])

    def test_what_is_refused_does_not_reach_the_broker(self):
        watcher = self.client(port=self.broker.port)
        watcher.subscribe("copied", "plain")
        stranger = self.client()
        self.assertEqual(stranger.publish_and_wait("copied", "no").reason, NOT_AUTHORIZED)
        self.assertEqual(self.client(client_id="gate").publish_and_wait("copied", "yes").reason, 0)
        self.assertEqual(stranger.publish_and_wait("plain", "as ever").reason, 0)
        self.assertEqual([m.payload for m in watcher.messages(2)], [b"yes", b"as ever"])

    def test_wills(self):
        watcher = self.client(port=self.broker.port)
        watcher.subscribe("copied")
        before = self.denied()
        stored = self.queue("copied")["stored_total"]
        for connect in ({"username": "worker-1"}, {"client_id": "gate"}):
            dying = self.client(will=("copied", connect.get("client_id", "no"), 1, ()), **connect)
            dying.abort()
        self.assertEqual([m.payload for m in watcher.messages(1)], [b"gate"])
        self.wait_for_queue("copied", stored_total=stored + 1)
        harness.wait_for(lambda: self.denied() == before + 1, harness.WAIT_S, "the count")
        self.assertTrue(watcher.nothing_comes())

    def test_a_session_that_comes_back_as_another_user(self):
        lasting = [(raw.SESSION_EXPIRY, 100)]
        first = self.client(client_id="shared", username="worker-1", props=lasting)
        self.assertEqual(first.subscribe("$q/jobs/+"), [1])
        first.disconnect()
        second = self.client(client_id="shared", username="other", clean=False, props=lasting)
        self.assertEqual(second.connack.session_present, 1)
        self.client(client_id="gate").publish_and_wait("jobs/s", "secret")
        self.assertTrue(second.nothing_comes())
        self.assertEqual(second.unsubscribe("$q/jobs/+"), [0])
        second.disconnect()


class NewRules(StageTest):
    """The rules change with a restart; the sessions stay."""
    config = '[[queue]]\nname = "jobs"\nfilter = "jobs"\n'

    def test_a_right_that_was_taken_and_given_back(self):
        lasting = {"client_id": "w", "username": "u", "props": [(raw.SESSION_EXPIRY, 100)]}
        self.assertEqual(self.client(**lasting).subscribe("$q/jobs"), [1])
        file = self.folder / "sluice.toml"
        self.sluice.stop()
        file.write_text(self.config + '[[acl]]\nusers = ["u"]\ndeny = ["consume"]\n')
        self.sluice.start()
        denied = self.client(clean=False, **lasting)
        denied.publish_and_wait("jobs", "1")
        self.assertTrue(denied.nothing_comes())
        self.sluice.stop()
        file.write_text(self.config)
        self.sluice.start()
        [message] = self.client(clean=False, **lasting).messages(1)
        self.assertEqual(message.payload, b"1")


if __name__ == "__main__":
    harness.main()
