"""Plain MQTT through Sluice is plain MQTT: stock clients, an unmodified broker behind."""

import os
import subprocess
import tempfile

from harness import HOST, WAIT_S, StageTest, main, raw, spawn

VERSIONS = {"311": 4, "5": 5}


class PublishAndSubscribe(StageTest):
    def test_every_version_and_qos_arrives(self):
        for version in VERSIONS:
            for qos in "012":
                with self.subTest(version=version, qos=qos):
                    topic = f"plain/{version}/{qos}"
                    sub = self.mosquitto_sub("-V", version, "-q", qos, "-t", topic, "-F", "%q %p")
                    self.mosquitto_pub("-V", version, "-q", qos, "-t", topic, "-m", "hello")
                    self.assertEqual(self.lines(sub, 1), [f"{qos} hello"])

    def test_versions_meet(self):
        sub = self.mosquitto_sub("-V", "311", "-q", "1", "-t", "meet/#")
        self.mosquitto_pub("-V", "5", "-q", "1", "-t", "meet/you", "-m", "from five")
        self.assertEqual(self.lines(sub, 1), ["from five"])

    def test_request_and_response(self):
        answerer = self.client(client_id="rr-answerer")
        answerer.subscribe_for_ack("rr/questions")
        asker = spawn(["mosquitto_rr", "-h", HOST, "-p", str(self.sluice.port), "-q", "1",
                       "-t", "rr/questions", "-e", "rr/answers", "-m", "6 x 7",
                       "-W", str(int(WAIT_S))],
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(asker.kill)
        question, = answerer.messages(1)
        self.assertEqual(question.payload, b"6 x 7")
        correlation = question.property(raw.CORRELATION_DATA)
        props = [] if correlation is None else [(raw.CORRELATION_DATA, correlation)]
        answerer.publish_and_wait(question.property(raw.RESPONSE_TOPIC), b"42", props=props)
        out, _ = asker.communicate(timeout=WAIT_S)
        self.assertEqual((asker.returncode, out.strip()), (0, "42"))

    def test_wildcards(self):
        sub = self.mosquitto_sub("-q", "1", "-v", "-t", "wild/+/c", "-t", "wild/deep/#")
        for topic in ("wild/b/c", "wild/b/d", "wild/deep/down/here", "wild/b/e/c"):
            self.mosquitto_pub("-q", "1", "-t", topic, "-m", "x")
        self.mosquitto_pub("-q", "1", "-t", "wild/deep", "-m", "end")
        self.assertEqual(self.lines(sub, 3), ["wild/b/c x", "wild/deep/down/here x",
                                              "wild/deep end"])

    def test_packet_that_its_alias_makes_too_large(self):
        client = self.client(client_id="alias")
        alias = [(0x23, 1)]  # Topic Alias
        client.publish_and_wait("a/long/topic", props=alias)
        client.publish("", bytes(268_435_455 - 8), props=alias)  # the largest that there is
        self.assertEqual([p.reason for p in client.read_to_end()], [0x95])

    def test_large_binary_payload_is_untouched(self):
        payload = os.urandom(3 << 20)
        sub = self.client(client_id="large-sub")
        sub.subscribe("large")
        publisher = self.client(client_id="large-pub")
        self.assertEqual(publisher.publish_and_wait("large", payload).reason, 0)
        self.assertEqual(sub.messages(1)[0].payload, payload)

    def test_order_of_many_messages(self):
        sub = self.client(client_id="order-sub")
        sub.subscribe("order")
        publisher = self.client(client_id="order-pub")
        for number in range(2000):
            publisher.publish("order", str(number), qos=0)
        got = [int(m.payload) for m in sub.messages(2000)]
        self.assertEqual(got, list(range(2000)))

    def test_properties_pass_both_ways(self):
        sub = self.client(client_id="props-sub")
        sub.subscribe("props", props=[(raw.SUBSCRIPTION_ID, 4711)])
        sent = [(raw.PAYLOAD_FORMAT, 1), (raw.CONTENT_TYPE, "text/plain"),
                (raw.RESPONSE_TOPIC, "answers"), (raw.CORRELATION_DATA, b"\x00\x01"),
                (raw.USER_PROPERTY, ("b", "2")), (raw.USER_PROPERTY, ("a", "1")),
                (raw.USER_PROPERTY, ("b", "3"))]
        self.client(client_id="props-pub").publish_and_wait("props", "x", props=sent)
        message = sub.messages(1)[0]
        for pair in sent:
            self.assertIn(pair, message.properties)
        users = [v for k, v in message.properties if k == raw.USER_PROPERTY]
        self.assertEqual(users, [("b", "2"), ("a", "1"), ("b", "3")])
        self.assertEqual(message.property(raw.SUBSCRIPTION_ID), 4711)

    def test_qos_2_step_by_step(self):
        for version in VERSIONS.values():
            with self.subTest(version=version):
                sub = self.client(version, client_id=f"q2-sub{version}")
                self.assertEqual(sub.subscribe("q2", qos=2), [2])
                publisher = self.client(version, client_id=f"q2-pub{version}")
                packet_id = publisher.publish("q2", "once", qos=2)
                self.assertEqual(publisher.expect(raw.PUBREC).id, packet_id)
                publisher.acknowledge(packet_id, kind=raw.PUBREL)
                self.assertEqual(publisher.expect(raw.PUBCOMP).id, packet_id)
                message = sub.expect(raw.PUBLISH)
                self.assertEqual((message.payload, message.qos), (b"once", 2))
                sub.acknowledge(message, kind=raw.PUBREC)
                self.assertEqual(sub.expect(raw.PUBREL).id, message.id)
                sub.acknowledge(message, kind=raw.PUBCOMP)
                sub.unsubscribe("q2")

    def test_unsubscribe_ends_it(self):
        client = self.client(client_id="unsub")
        client.subscribe("unsub/a", "unsub/end")
        self.assertEqual(client.unsubscribe("unsub/a", "unsub/never"), [0x00, 0x11])
        other = self.client(client_id="unsub-pub")
        other.publish_and_wait("unsub/a", "gone")
        other.publish_and_wait("unsub/end", "end")
        self.assertEqual(client.messages(1)[0].payload, b"end")


class Retained(StageTest):
    def test_retained_is_kept_marked_and_cleared(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                topic = f"retained/{version}"
                self.mosquitto_pub("-V", version, "-q", "1", "-r", "-t", topic, "-m", "kept")
                sub = self.mosquitto_sub("-V", version, "-q", "1", "-t", topic, "-F", "%r %p")
                self.assertEqual(self.lines(sub, 1), ["1 kept"])
                self.mosquitto_pub("-V", version, "-q", "1", "-t", topic, "-m", "fresh")
                self.assertEqual(self.lines(sub, 1), ["0 fresh"])
                self.mosquitto_pub("-V", version, "-q", "1", "-r", "-n", "-t", topic)
                late = self.mosquitto_sub("-V", version, "-q", "1", "-t", topic)
                self.mosquitto_pub("-V", version, "-q", "1", "-t", topic, "-m", "end")
                self.assertEqual(self.lines(late, 1), ["end"])


class Will(StageTest):
    def watcher(self, topic):
        watcher = self.client(client_id="watcher-" + topic.replace("/", "-"))
        watcher.subscribe(topic + "/#")
        return watcher

    def test_killed_client_leaves_its_will(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                topic = f"will/killed/{version}"
                watcher = self.watcher(topic)
                client = self.mosquitto_sub("-V", version, "-t", "nothing", "--will-topic", topic,
                                            "--will-payload", "gone", "--will-qos", "1")
                client.kill()
                self.assertEqual(watcher.messages(1)[0].payload, b"gone")

    def test_orderly_disconnect_leaves_none(self):
        for version in VERSIONS.values():
            with self.subTest(version=version):
                topic = f"will/orderly/{version}"
                watcher = self.watcher(topic)
                client = raw.Client(self.sluice.port, version)
                client.connect(f"orderly{version}", will=(topic, "gone", 1, ()))
                client.disconnect()
                # The same client id again: the broker has certainly ended the first connection.
                again = self.client(version, client_id=f"orderly{version}")
                again.publish_and_wait(topic + "/end", "end")
                self.assertEqual(watcher.messages(1)[0].payload, b"end")

    def test_disconnect_with_will_leaves_it(self):
        watcher = self.watcher("will/asked")
        client = raw.Client(self.sluice.port, 5)
        client.connect("asked", will=("will/asked", "gone", 1, ()))
        client.disconnect(0x04)
        self.assertEqual(watcher.messages(1)[0].payload, b"gone")

    def test_silent_client_is_ended_by_keep_alive(self):
        for version in VERSIONS.values():
            with self.subTest(version=version):
                topic = f"will/silent/{version}"
                watcher = self.watcher(topic)
                silent = self.client(version, client_id=f"silent{version}", keep_alive_s=1,
                                     will=(topic, "gone", 1, ()))
                last = silent.read_to_end()
                if version == 5:
                    self.assertEqual([(p.kind, p.reason) for p in last], [(raw.DISCONNECT, 0x8D)])
                self.assertEqual(watcher.messages(1)[0].payload, b"gone")


class Shared(StageTest):
    def test_share_group_splits_the_work(self):
        for version in VERSIONS.values():
            with self.subTest(version=version):
                topic = f"shared/{version}"
                members = [self.client(version, client_id=f"member{version}{n}") for n in range(2)]
                for member in members:
                    self.assertEqual(member.subscribe(f"$share/group/{topic}"), [1])
                publisher = self.client(version, client_id=f"share-pub{version}")
                for number in range(20):
                    publisher.publish_and_wait(topic, str(number))
                got = [[int(m.payload) for m in member.messages(10)] for member in members]
                self.assertEqual(sorted(got[0] + got[1]), list(range(20)))


class PersistentSession(StageTest):
    def test_messages_wait_at_the_broker(self):
        for version, expiry in (("311", []), ("5", ["-x", "3600"])):
            with self.subTest(version=version):
                topic = f"away/{version}"
                session = ["-V", version, "-c", "-i", f"away{version}", "-q", "1", "-t", topic]
                self.mosquitto_sub(*session, *expiry).kill()
                for number in range(5):
                    self.mosquitto_pub("-V", version, "-q", "1", "-t", topic, "-m", number)
                back = self.mosquitto_sub(*session, *expiry)
                self.mosquitto_pub("-V", version, "-q", "1", "-t", topic, "-m", "end")
                self.assertEqual(self.lines(back, 6), [*"01234", "end"])

    def test_session_present(self):
        for version, props in ((4, ()), (5, [(raw.SESSION_EXPIRY, 3600)])):
            with self.subTest(version=version):
                name = f"present{version}"
                first = self.client(version, client_id=name, clean=False, props=props)
                self.assertEqual(first.connack.session_present, 0)
                first.subscribe("present")
                first.disconnect()
                self.client(version, client_id=f"{name}-pub").publish_and_wait("present", "kept")
                again = self.client(version, client_id=name, clean=False, props=props)
                self.assertEqual(again.connack.session_present, 1)
                self.assertEqual(again.messages(1)[0].payload, b"kept")
                again.disconnect()
                fresh = self.client(version, client_id=name, clean=True)
                self.assertEqual(fresh.connack.session_present, 0)

    def test_unacknowledged_message_comes_again(self):
        props = [(raw.SESSION_EXPIRY, 3600)]
        first = self.client(client_id="unacked", clean=False, props=props)
        first.subscribe("unacked")
        self.client(client_id="unacked-pub").publish_and_wait("unacked", "again")
        self.assertEqual(first.messages(1, acknowledge=False)[0].payload, b"again")
        first.abort()
        second = self.client(client_id="unacked", clean=False, props=props)
        self.assertEqual(second.connack.session_present, 1)
        self.assertEqual(second.messages(1)[0].payload, b"again")


class Connections(StageTest):
    def test_takeover_of_a_client_id(self):
        first = self.client(client_id="taken")
        first.subscribe("taken")
        second = self.client(client_id="taken")
        last = first.read_to_end()
        self.assertEqual([(p.kind, p.reason) for p in last], [(raw.DISCONNECT, 0x8E)])
        self.assertEqual(second.subscribe("taken"), [1])
        second.publish_and_wait("taken/else")

    def test_takeover_311_closes(self):
        first = self.client(4, client_id="taken311")
        second = self.client(4, client_id="taken311")
        self.assertEqual(first.read_to_end(), [])
        self.assertTrue(second.nothing_comes())

    def test_empty_client_id_gets_one(self):
        client = self.client(client_id="")
        assigned_client_identifier = 0x12
        self.assertTrue(client.connack.property(assigned_client_identifier))
        self.assertEqual(self.client(4, client_id="").connack.reason, 0)

    def test_many_clients_at_once(self):
        clients = [self.client(client_id=f"many{n}") for n in range(100)]
        for number, client in enumerate(clients):
            client.subscribe(f"many/{number}")
        for number, client in enumerate(clients):
            client.publish(f"many/{(number + 1) % 100}", str(number), qos=0)
        for number, client in enumerate(clients):
            self.assertEqual(int(client.messages(1)[0].payload), (number - 1) % 100)


class Refused(StageTest):
    @classmethod
    def setUpClass(cls):
        passwords = tempfile.NamedTemporaryFile(prefix="sluice-e2e-")
        cls.addClassCleanup(passwords.close)
        subprocess.run(["mosquitto_passwd", "-b", passwords.name, "user", "right"], check=True)
        cls.settings = ("allow_anonymous false", f"password_file {passwords.name}")
        super().setUpClass()

    def test_the_broker_decides_who_may_connect(self):
        self.mosquitto_pub("-u", "user", "-P", "right", "-q", "1", "-t", "x", "-m", "x")
        for version, reason in ((4, 5), (5, 0x87)):
            with self.subTest(version=version):
                client = raw.Client(self.sluice.port, version)
                self.addCleanup(client.close)
                self.assertEqual(client.connect("nobody").reason, reason)
                self.assertEqual(client.read_to_end(), [])


if __name__ == "__main__":
    main()
