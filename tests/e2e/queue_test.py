"""Queues over plain MQTT: stored with nobody there, shared by workers, settled by acknowledging."""

import json

from harness import StageTest, main, raw

V311, V5 = 4, 5


class Storing(StageTest):
    def test_stored_with_nobody_there(self):
        for producer_version in (V311, V5):
            for consumer_version in (V311, V5):
                with self.subTest(producer=producer_version, consumer=consumer_version):
                    name = f"store-{producer_version}-{consumer_version}"
                    self.create_queue(name, f"store/{name}/+")
                    producer = self.client(producer_version, client_id=f"p-{name}")
                    for number in range(100):
                        answer = producer.publish_and_wait(f"store/{name}/x", str(number))
                        self.assertEqual(answer.reason, 0)
                    self.wait_for_queue(name, ready=100, stored_total=100, consumers=0)
                    consumer = self.client(consumer_version, client_id=f"c-{name}")
                    self.assertEqual(consumer.subscribe(f"$q/store/{name}/+"), [1])
                    got = consumer.messages(100)
                    self.assertEqual([int(m.payload) for m in got], list(range(100)))
                    self.assertEqual({m.topic for m in got}, {f"store/{name}/x"})
                    self.assertEqual({m.retain for m in got}, {0})
                    self.wait_for_queue(name, ready=0, in_flight=0, acked_total=100)

    def test_every_publish_qos_is_stored(self):
        self.create_queue("qos", "qos/in")
        producer = self.client(client_id="qos-producer")
        producer.publish("qos/in", "zero", qos=0)
        producer.publish_and_wait("qos/in", "one")
        two = producer.publish("qos/in", "two", qos=2)
        self.assertEqual(producer.expect(raw.PUBREC).reason, 0)
        producer.acknowledge(two, kind=raw.PUBREL)
        self.assertEqual(producer.expect(raw.PUBCOMP).id, two)
        consumer = self.client(client_id="qos-consumer")
        consumer.subscribe("$q/qos/in")
        got = consumer.messages(3)
        self.assertEqual([m.payload for m in got], [b"zero", b"one", b"two"])
        self.assertEqual([m.qos for m in got], [1, 1, 1])

    def test_repeated_qos_2_publish_stores_once(self):
        self.create_queue("once", "once/in")
        for version in (V311, V5):
            with self.subTest(version=version):
                before = self.queue("once")["stored_total"]
                producer = self.client(version, client_id=f"once-producer{version}")
                packet_id = producer.publish("once/in", "x", qos=2)
                self.assertEqual(producer.expect(raw.PUBREC).id, packet_id)
                producer.publish("once/in", "x", qos=2, packet_id=packet_id, dup=1)
                self.assertEqual(producer.expect(raw.PUBREC).id, packet_id)
                producer.acknowledge(packet_id, kind=raw.PUBREL)
                self.assertEqual(producer.expect(raw.PUBCOMP).id, packet_id)
                self.assertEqual(self.queue("once")["stored_total"], before + 1)

    def test_application_properties_and_metadata(self):
        self.create_queue("meta", "meta/+")
        sent = [(raw.PAYLOAD_FORMAT, 1), (raw.CONTENT_TYPE, "text/plain"),
                (raw.RESPONSE_TOPIC, "answers"), (raw.CORRELATION_DATA, b"\x00\xff"),
                (raw.USER_PROPERTY, ("b", "2")), (raw.USER_PROPERTY, ("a", "1")),
                (raw.USER_PROPERTY, ("b", "3"))]
        self.client(client_id="meta-producer").publish_and_wait("meta/x", "text", props=sent)
        consumer = self.client(client_id="meta-consumer")
        consumer.subscribe("$q/meta/+", props=[(raw.SUBSCRIPTION_ID, 7)])
        message = consumer.messages(1)[0]
        for pair in sent:
            self.assertIn(pair, message.properties)
        users = [v for k, v in message.properties if k == raw.USER_PROPERTY]
        self.assertEqual([u for u in users if not u[0].startswith("q-")],
                         [("b", "2"), ("a", "1"), ("b", "3")])
        self.assertEqual(message.property(raw.SUBSCRIPTION_ID), 7)
        self.assertEqual(message.user("q-queue"), "meta")
        self.assertEqual(message.user("q-offset"), "1")
        self.assertEqual(message.user("q-attempt"), "1")
        self.assertEqual(message.user("q-publisher"), "meta-producer")
        self.assertRegex(message.user("q-time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

    def test_empty_and_large_payloads(self):
        self.create_queue("sized", "sized/in")
        payloads = [b"", b"\x00", bytes(range(256)) * 8192]
        producer = self.client(client_id="sized-producer")
        for payload in payloads:
            self.assertEqual(producer.publish_and_wait("sized/in", payload).reason, 0)
        consumer = self.client(client_id="sized-consumer")
        consumer.subscribe("$q/sized/in")
        self.assertEqual([m.payload for m in consumer.messages(3)], payloads)

    def test_message_that_no_packet_could_deliver_is_refused(self):
        self.create_queue("huge", "huge/in")
        consumer = self.client(client_id="huge-consumer")
        consumer.subscribe("$q/huge/in")
        producer = self.client(client_id="huge-producer")
        answer = producer.publish_and_wait("huge/in", bytes(268_435_455 - 100))
        self.assertEqual(answer.reason, 0x97)
        self.assertIn("268173316", answer.property(raw.REASON_STRING))
        producer.publish_and_wait("huge/in", "fits")
        self.assertEqual(consumer.messages(1)[0].payload, b"fits")

    def test_key_that_no_user_property_can_say_is_left_out(self):
        self.create_queue("odd-keys", "odd/in", "--last-value", "--key", "payload:/k")
        producer = self.client(client_id="odd-producer")
        for key in ("usual", "x" * 70_000, "a\0b"):
            producer.publish_and_wait("odd/in", json.dumps({"k": key}))
        consumer = self.client(client_id="odd-consumer")
        consumer.subscribe("$q/odd/in")
        self.assertEqual([m.user("q-key") for m in consumer.messages(3)], ["usual", None, None])

    def test_every_matching_queue_gets_it(self):
        self.create_queue("both-a", "both/+")
        self.create_queue("both-b", "both/#")
        self.client(client_id="both-producer").publish_and_wait("both/x", "x")
        self.wait_for_queue("both-a", ready=1)
        self.wait_for_queue("both-b", ready=1)

    def test_will_is_stored_when_it_fires(self):
        for version in (V311, V5):
            with self.subTest(version=version):
                name = f"will-{version}"
                self.create_queue(name, f"wills/{version}")
                dying = self.client(version, client_id=f"dying{version}",
                                    will=(f"wills/{version}", "last words", 1, ()))
                dying.abort()
                self.wait_for_queue(name, ready=1)
                consumer = self.client(version, client_id=f"heir{version}")
                consumer.subscribe(f"$q/wills/{version}")
                self.assertEqual(consumer.messages(1)[0].payload, b"last words")


class Modes(StageTest):
    def test_divert_hides_from_the_broker(self):
        self.create_queue("divert", "divert/+")
        watcher = self.client(client_id="divert-watcher")
        watcher.subscribe("#", "divert/#")
        producer = self.client(client_id="divert-producer")
        producer.publish_and_wait("divert/x", "hidden")
        producer.publish_and_wait("plain/x", "seen")
        self.assertEqual(watcher.messages(1)[0].payload, b"seen")

    def test_copy_goes_both_ways(self):
        self.create_queue("copy", "copy/+", "--mode", "copy")
        watcher = self.client(client_id="copy-watcher")
        watcher.subscribe("copy/#")
        producer = self.client(client_id="copy-producer")
        for qos in (0, 1, 2):
            with self.subTest(qos=qos):
                packet_id = producer.publish("copy/x", f"qos {qos}", qos=qos)
                if qos == 1:
                    self.assertLess(producer.expect(raw.PUBACK).reason, 0x80)
                if qos == 2:
                    self.assertLess(producer.expect(raw.PUBREC).reason, 0x80)
                    producer.acknowledge(packet_id, kind=raw.PUBREL)
                    producer.expect(raw.PUBCOMP)
                self.assertEqual(watcher.messages(1)[0].payload, f"qos {qos}".encode())
        self.wait_for_queue("copy", ready=3)
        consumer = self.client(client_id="copy-consumer")
        consumer.subscribe("$q/copy/+")
        self.assertEqual([m.payload for m in consumer.messages(3)], [b"qos 0", b"qos 1", b"qos 2"])

    def test_one_diverting_queue_is_enough(self):
        self.create_queue("mixed-copy", "mixed/+", "--mode", "copy")
        self.create_queue("mixed-divert", "mixed/#")
        watcher = self.client(client_id="mixed-watcher")
        watcher.subscribe("mixed/#", "mixed-end")
        producer = self.client(client_id="mixed-producer")
        producer.publish_and_wait("mixed/x", "hidden")
        producer.publish_and_wait("mixed-end", "seen")
        self.assertEqual(watcher.messages(1)[0].payload, b"seen")


class LastValue(StageTest):
    def test_only_the_newest_of_each_key(self):
        self.create_queue("lights", "lights/+", "--last-value", "--key", "property:command_type")
        producer = self.client(client_id="switch")
        for kind, payload in (("set-color", "Blue"), ("set-color", "Red"), ("firmware", "1.2"),
                              ("set-color", "Green")):
            producer.publish_and_wait("lights/a", payload,
                                      props=[(raw.USER_PROPERTY, ("command_type", kind))])
        self.wait_for_queue("lights", ready=2)
        light = self.client(client_id="light")
        light.subscribe("$q/lights/+")
        self.assertEqual(sorted(m.payload for m in light.messages(2)), [b"1.2", b"Green"])
        self.assertTrue(light.nothing_comes())
        self.wait_for_queue("lights", ready=0, in_flight=0)

    def test_hundred_on_ten_topics_gives_ten(self):
        self.create_queue("ten", "ten/+", "--last-value")
        producer = self.client(client_id="ten-producer")
        for number in range(100):
            producer.publish_and_wait(f"ten/{number % 10}", str(number))
        self.wait_for_queue("ten", ready=10)
        consumer = self.client(client_id="ten-consumer")
        consumer.subscribe("$q/ten/+")
        self.assertEqual([int(m.payload) for m in consumer.messages(10)], list(range(90, 100)))

    def test_newer_value_waits_for_the_older_in_flight(self):
        self.create_queue("step", "step/+", "--last-value")
        producer = self.client(client_id="step-producer")
        first, second = (self.client(client_id=f"step-{n}") for n in (1, 2))
        first.subscribe("$q/step/+")
        producer.publish_and_wait("step/a", "Blue")
        blue = first.messages(1, acknowledge=False)[0]
        second.subscribe("$q/step/+")
        producer.publish_and_wait("step/a", "Green")
        self.assertTrue(second.nothing_comes(), "Green was delivered beside Blue")
        first.acknowledge(blue)
        first.disconnect()
        # Whether Green went to the first for a moment or not: the second ends up with it.
        self.assertEqual(second.messages(1)[0].payload, b"Green")

    def test_superseded_value_that_fails_is_dropped(self):
        self.create_queue("drop", "drop/+", "--last-value")
        producer = self.client(client_id="drop-producer")
        first = self.client(client_id="drop-1")
        first.subscribe("$q/drop/+")
        producer.publish_and_wait("drop/a", "Blue")
        first.messages(1, acknowledge=False)
        producer.publish_and_wait("drop/a", "Green")
        first.abort()
        self.wait_for_queue("drop", ready=1, in_flight=0)
        second = self.client(client_id="drop-2")
        second.subscribe("$q/drop/+")
        self.assertEqual(second.messages(1)[0].payload, b"Green")
        self.assertTrue(second.nothing_comes())


class Credit(StageTest):
    config = '[[queue]]\nname = "narrow"\nfilter = "narrow/+"\nmax_inflight = 4\n'

    def fill(self, name, count):
        producer = self.client(client_id=f"fill-{name}")
        for number in range(count):
            producer.publish_and_wait(f"{name}/x", str(number))

    def test_receive_maximum_is_never_exceeded(self):
        self.create_queue("rm", "rm/+")
        self.fill("rm", 60)
        consumer = self.client(client_id="rm", props=[(raw.RECEIVE_MAXIMUM, 3)])
        consumer.subscribe("$q/rm/+")
        held, seen = [], []
        while held or len(seen) < 60:
            while len(held) < 3 and len(seen) < 60:
                held.append(consumer.expect(raw.PUBLISH))
                seen.append(int(held[-1].payload))
            self.assertTrue(consumer.nothing_comes(), "more than Receive Maximum")
            self.assertLessEqual(self.queue("rm")["in_flight"], 3)
            consumer.acknowledge(held.pop(0))
        self.assertEqual(sorted(seen), list(range(60)))

    def test_receive_maximum_is_shared_with_plain_traffic(self):
        self.create_queue("mixed", "mixed/+")
        consumer = self.client(client_id="mixed", props=[(raw.RECEIVE_MAXIMUM, 2)])
        consumer.subscribe("$q/mixed/+", "plain/mixed")
        producer = self.client(client_id="mixed-producer")
        producer.publish_and_wait("plain/mixed", "plain")
        plain = consumer.messages(1, acknowledge=False)[0]
        self.fill("mixed", 3)
        consumer.messages(1, acknowledge=False)
        self.assertTrue(consumer.nothing_comes(), "plain traffic does not count")
        consumer.acknowledge(plain)
        consumer.messages(1, acknowledge=False)
        self.assertTrue(consumer.nothing_comes())

    def test_311_client_gets_32(self):
        self.create_queue("old", "old/+")
        self.fill("old", 40)
        consumer = self.client(V311, client_id="old")
        consumer.subscribe("$q/old/+")
        consumer.messages(32, acknowledge=False)
        self.assertTrue(consumer.nothing_comes())

    def test_max_inflight_of_the_queue(self):
        self.fill("narrow", 10)
        consumer = self.client(client_id="narrow")
        consumer.subscribe("$q/narrow/+")
        consumer.messages(4, acknowledge=False)
        self.assertTrue(consumer.nothing_comes())

    def test_packet_larger_than_the_client_takes_goes_elsewhere(self):
        maximum = 600
        self.create_queue("big", "big/+")
        small = self.client(client_id="small", props=[(raw.MAXIMUM_PACKET_SIZE, maximum)])
        small.subscribe("$q/big/+")
        producer = self.client(client_id="big-producer")
        producer.publish_and_wait("big/x", b"x" * 1000)
        producer.publish_and_wait("big/x", b"y")
        self.assertEqual(small.messages(1)[0].payload, b"y")
        large = self.client(client_id="large")
        large.subscribe("$q/big/+")
        self.assertEqual(large.messages(1)[0].payload, b"x" * 1000)


class Addresses(StageTest):
    queues = ("here/+",)

    def test_missing_queue(self):
        client = self.client(client_id="missing")
        answer = client.subscribe_for_ack("$q/nowhere/+")
        self.assertEqual(answer.reasons, [0x80])
        self.assertIn("nowhere/+", answer.property(raw.REASON_STRING))
        self.assertEqual(self.client(V311, client_id="missing311").subscribe("$q/nowhere/+"),
                         [0x80])

    def test_mixed_subscribe_answers_in_order(self):
        for version in (V311, V5):
            with self.subTest(version=version):
                client = self.client(version, client_id=f"mixed{version}")
                reasons = client.subscribe(("plain/a", 0), ("$q/here/+", 1), ("plain/b", 2),
                                           ("$q/nowhere", 1), ("$share/g/plain/c", 1),
                                           ("$q/here/+", 0))
                self.assertEqual(reasons, [0, 1, 2, 0x80, 1, 0])
                if version == V5:
                    self.assertEqual(
                        client.unsubscribe("$q/here/+", "plain/a", "$q/nowhere", "plain/never"),
                        [0x00, 0x00, 0x11, 0x11])

    def test_publish_to_a_queue_address_is_refused(self):
        client = self.client(client_id="refused")
        self.assertEqual(client.publish_and_wait("$q/here/x", "x").reason, 0x90)
        client.publish("$q/here/x", "x", qos=2)
        self.assertEqual(client.expect(raw.PUBREC).reason, 0x90)
        self.assertTrue(client.nothing_comes())
        old = self.client(V311, client_id="refused311")
        old.publish("$q/here/x", "x")
        self.assertEqual(old.read_to_end(), [])
        self.assertEqual(self.queue(self.sluice.names()[0])["stored_total"], 0)

    def test_queue_filter_must_be_a_filter(self):
        client = self.client(client_id="wrong")
        for wrong in ("$q/", "$q/$share/g/here", "$q/$q/here/+"):
            self.assertGreaterEqual(client.subscribe(wrong)[0], 0x80, wrong)
        self.assertTrue(client.nothing_comes())


if __name__ == "__main__":
    main()
