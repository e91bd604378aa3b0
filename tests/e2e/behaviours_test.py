"""Small behaviours that users of other brokers' queues rely on, or miss there.

EMQX's own suites cover a list of behaviours; those that are not here are tested where they belong:
stored and consumed, every publish QoS, last value on ten keys, copies for several filters, credit,
Subscription Identifier (queue_test.py); strategies, QoS 0 consumers, leaving, refusals
(settle_test.py); progress over a restart (restart_test.py); definitions that conflict
(bad_input_test.py); pages, cursors, 404 and 503 (admin_test.py and tests/proxy/admin_test.cc).
"""

from harness import StageTest, main, raw

QUOTA_EXCEEDED = 0x97
UNSPECIFIED_ERROR = 0x80
KEPT = [(raw.SESSION_EXPIRY, 600)]


class Behaviours(StageTest):
    def publish(self, topic, payloads):
        producer = self.client()
        for payload in payloads:
            producer.publish(topic, str(payload))
        for _ in payloads:
            self.assertEqual(producer.expect(raw.PUBACK).reason, 0)

    def consumer(self, name, client_id=None, **connect):
        consumer = self.client(client_id=client_id or f"c-{name}", **connect)
        self.assertEqual(consumer.subscribe(f"$q/{name}/+"), [1])
        return consumer

    def test_error_goes_to_another_at_once(self):
        self.create_queue("error", "error/+", "--set", "retry_delay=0s")
        refusing = self.consumer("error", "refusing")
        self.publish("error/x", ["kept", "refused"])
        held = refusing.messages(2, acknowledge=False)
        other = self.consumer("error", "other")  # has less in flight, so it is its turn
        refusing.acknowledge(held[1], reason=UNSPECIFIED_ERROR)
        message = other.messages(1)[0]
        self.assertEqual((message.payload, message.user("q-attempt")), (b"refused", "2"))
        refusing.acknowledge(held[0])
        self.wait_for_queue("error", ready=0, in_flight=0, acked_total=2)

    def test_error_comes_back_to_the_only_consumer_after_a_while(self):
        self.create_queue("only", "only/+", "--set", "retry_delay=200ms")
        consumer = self.consumer("only")
        self.publish("only/x", ["job"])
        held = consumer.messages(1, acknowledge=False)[0]
        consumer.acknowledge(held, reason=UNSPECIFIED_ERROR)
        again = consumer.messages(1)[0]
        self.assertEqual((again.payload, again.user("q-attempt")), (b"job", "2"))

    def test_not_now_pauses_one_and_others_go_on(self):
        self.create_queue("later", "later/+", "--set", "release_pause=1h")
        busy, other = self.consumer("later", "busy"), self.consumer("later", "other")
        for number in range(2):
            self.publish("later/x", [number])
        held = busy.messages(1, acknowledge=False)[0]
        other.messages(1)
        busy.acknowledge(held, reason=QUOTA_EXCEEDED)
        released = other.messages(1)[0]
        self.assertEqual((released.payload, released.user("q-attempt")), (held.payload, "1"))
        self.publish("later/x", range(2, 10))
        self.assertEqual([int(m.payload) for m in other.messages(8)], list(range(2, 10)))
        self.assertTrue(busy.nothing_comes())

    def test_no_acknowledgement_no_delivery(self):
        self.create_queue("stop", "stop/+", "--set", "max_inflight=10")
        consumer = self.consumer("stop")
        self.publish("stop/x", range(30))
        held = consumer.messages(10, acknowledge=False)
        self.assertTrue(consumer.nothing_comes())
        for message in held:
            consumer.acknowledge(message)
        self.assertEqual([int(m.payload) for m in consumer.messages(20)], list(range(10, 30)))

    def test_deleted_and_made_again_shows_nothing_old(self):
        for number in range(2):
            self.create_queue("again", "again/+")
            self.publish("again/x", [f"{number}-{n}" for n in range(3)])
            self.wait_for_queue("again", ready=3, stored_total=3)
            self.sluice.cli("queue", "delete", "again", "--force")
        self.create_queue("again", "again/+")
        self.wait_for_queue("again", ready=0, stored_total=0, acked_total=0)
        consumer = self.consumer("again")
        self.assertTrue(consumer.nothing_comes())
        self.publish("again/x", ["new"])
        message = consumer.messages(1)[0]
        self.assertEqual((message.payload, message.user("q-attempt")), (b"new", "1"))

    def test_session_that_is_away_holds_nothing_and_shares_again(self):
        self.create_queue("away", "away/+")
        leaving = self.consumer("away", "leaving", props=KEPT)
        self.publish("away/x", ["held"])
        leaving.messages(1, acknowledge=False)
        leaving.disconnect()
        leaving.close()
        self.wait_for_queue("away", ready=1, in_flight=0, consumers=0)
        staying = self.consumer("away", "staying")
        self.assertEqual(staying.messages(1)[0].payload, b"held")
        back = self.client(client_id="leaving", clean=False, props=KEPT)
        self.assertEqual(back.connack.session_present, 1)
        self.wait_for_queue("away", consumers=2)
        self.publish("away/x", ["a"])
        self.publish("away/x", ["b"])
        got = [c.messages(1, acknowledge=False)[0].payload for c in (staying, back)]
        self.assertEqual(sorted(got), [b"a", b"b"])

    def test_unsubscribed_gets_nothing(self):
        self.create_queue("unsub", "unsub/+")
        consumer = self.consumer("unsub")
        self.publish("unsub/x", ["before"])
        consumer.messages(1)
        self.assertEqual(consumer.unsubscribe("$q/unsub/+"), [0])
        self.publish("unsub/x", ["after"])
        self.assertTrue(consumer.nothing_comes())
        self.wait_for_queue("unsub", ready=1, consumers=0)

    def test_large_backlog_does_not_drown_a_new_client(self):
        self.create_queue("flood", "flood/+")
        self.publish("flood/x", range(5_000))
        consumer = self.consumer("flood", props=[(raw.RECEIVE_MAXIMUM, 7)])
        self.wait_for_queue("flood", ready=4_993, in_flight=7)
        self.assertEqual([int(m.payload) for m in consumer.messages(7, acknowledge=False)],
                         list(range(7)))
        self.assertTrue(consumer.nothing_comes())

    def test_key_expression_updated_live(self):
        self.create_queue("keyed", "keyed/+", "--last-value")
        self.publish("keyed/x", range(2))
        self.sluice.cli("queue", "update", "keyed", "--set", "key=topic:1")
        self.publish("keyed/y", [2])
        self.publish("keyed/z", [3])
        # What was stored before keeps the key that it was stored with.
        self.assertEqual([int(m.payload) for m in self.consumer("keyed").messages(2)], [1, 3])

    def test_strategy_and_limits_reach_a_running_queue(self):
        self.create_queue("live", "live/+", "--set", "max_inflight=1")
        consumer = self.consumer("live")
        self.publish("live/x", range(6))
        consumer.messages(1, acknowledge=False)
        self.assertTrue(consumer.nothing_comes())
        self.sluice.cli("queue", "update", "live", "--set", "max_inflight=4", "--dispatch",
                        "round_robin")
        self.assertEqual([int(m.payload) for m in consumer.messages(3)], [1, 2, 3])

    def test_puback_says_success_with_nobody_subscribed(self):
        self.create_queue("stored", "stored/+")
        producer = self.client(client_id="stored-producer")
        self.assertEqual(producer.publish_and_wait("stored/x", "x").reason, 0)


class AfterRestart(StageTest):
    def test_only_the_last_of_a_hundred_was_acknowledged(self):
        self.create_queue("gap", "gap/+", "--set", "max_inflight=100")
        producer = self.client(client_id="gap-producer")
        for number in range(100):
            producer.publish_and_wait("gap/x", str(number))
        consumer = self.client(client_id="gap-consumer")
        consumer.subscribe("$q/gap/+")
        got = consumer.messages(100, acknowledge=False)
        consumer.acknowledge(got[99])
        self.wait_for_queue("gap", in_flight=99, acked_total=1)
        self.sluice.kill()
        self.sluice.start()
        late = self.client(client_id="gap-consumer")
        # What an earlier connection was given means nothing on this one.
        late.acknowledge(got[0])
        late.subscribe("$q/gap/+")
        self.assertEqual([int(m.payload) for m in late.messages(99)], list(range(99)))
        self.wait_for_queue("gap", ready=0, in_flight=0, acked_total=100)


if __name__ == "__main__":
    main()
