"""How a delivery ends: acknowledged, refused, or given back by leaving."""

import signal

from harness import StageTest, main, raw

V311, V5 = 4, 5


class Sharing(StageTest):
    def test_workers_share_by_least_in_flight(self):
        self.create_queue("share", "share/+")
        workers = [self.client(client_id=f"w{n}", props=[(raw.RECEIVE_MAXIMUM, 5)])
                   for n in range(3)]
        for worker in workers:
            worker.subscribe("$q/share/+")
        producer = self.client(client_id="share-producer")
        for number in range(15):
            producer.publish_and_wait("share/x", str(number))
        got = [worker.messages(5, acknowledge=False) for worker in workers]
        self.assertEqual(sorted(int(m.payload) for g in got for m in g), list(range(15)))
        self.wait_for_queue("share", ready=0, in_flight=15, consumers=3)

    def test_late_worker_gets_its_share(self):
        self.create_queue("late", "late/+")
        producer = self.client(client_id="late-producer")
        early = self.client(client_id="early", props=[(raw.RECEIVE_MAXIMUM, 2)])
        early.subscribe("$q/late/+")
        for number in range(6):
            producer.publish_and_wait("late/x", str(number))
        early.messages(2, acknowledge=False)
        late = self.client(client_id="late")
        late.subscribe("$q/late/+")
        self.assertEqual([int(m.payload) for m in late.messages(4)], [2, 3, 4, 5])

    def test_round_robin(self):
        self.create_queue("robin", "robin/+", "--dispatch", "round_robin")
        workers = [self.client(client_id=f"robin{n}") for n in range(3)]
        for worker in workers:
            worker.subscribe("$q/robin/+")
        producer = self.client(client_id="robin-producer")
        for number in range(9):
            producer.publish_and_wait("robin/x", str(number))
        for worker in workers:
            numbers = [int(m.payload) for m in worker.messages(3)]
            self.assertEqual({n % 3 for n in numbers}, {numbers[0] % 3})

    def test_random_uses_everybody(self):
        self.create_queue("dice", "dice/+", "--dispatch", "random")
        workers = [self.client(client_id=f"dice{n}") for n in range(2)]
        for worker in workers:
            worker.subscribe("$q/dice/+")
        producer = self.client(client_id="dice-producer")
        for number in range(60):
            producer.publish("dice/x", str(number), qos=1)
        for _ in range(60):
            producer.expect(raw.PUBACK)
        counts = [len([p for p in worker.ping() if p.kind == raw.PUBLISH]) for worker in workers]
        # 32 is what one client may hold: with 60 messages both are full or nearly so.
        self.assertEqual(sum(counts), 60)
        self.assertTrue(all(counts), counts)


class Leaving(StageTest):
    def take(self, name, version=V5, **connect):
        """A consumer that holds the queue's one message."""
        consumer = self.client(version, client_id=f"{name}-holder", **connect)
        consumer.subscribe(f"$q/{name}/+")
        return consumer, consumer.messages(1, acknowledge=False)[0]

    def next_attempt(self, name):
        consumer = self.client(client_id=f"{name}-next")
        consumer.subscribe(f"$q/{name}/+")
        return consumer.messages(1)[0].user("q-attempt")

    def stored(self, name):
        self.create_queue(name, f"{name}/+")
        self.client(client_id=f"{name}-producer").publish_and_wait(f"{name}/x", "job")

    def test_lost_connection_counts(self):
        self.stored("lost")
        holder, _ = self.take("lost")
        holder.abort()
        self.assertEqual(self.next_attempt("lost"), "2")

    def test_killed_stock_worker(self):
        self.create_queue("killed", "killed/+")
        worker = self.mosquitto_sub("-q", "1", "-V", "5", "-t", "$q/killed/+", "-C", "1000")
        worker.send_signal(signal.SIGSTOP)  # it holds what it gets
        producer = self.client(client_id="killed-producer")
        for number in range(5):
            producer.publish_and_wait("killed/x", str(number))
        self.wait_for_queue("killed", in_flight=5)
        worker.kill()
        other = self.client(client_id="killed-other")
        other.subscribe("$q/killed/+")
        self.assertEqual([int(m.payload) for m in other.messages(5)], [0, 1, 2, 3, 4])

    def test_orderly_leave_does_not_count(self):
        for how in ("disconnect", "unsubscribe"):
            with self.subTest(how=how):
                self.stored(how)
                holder, _ = self.take(how)
                if how == "disconnect":
                    holder.disconnect()
                else:
                    self.assertEqual(holder.unsubscribe(f"$q/{how}/+"), [0])
                self.assertEqual(self.next_attempt(how), "1")

    def test_message_returns_to_its_place(self):
        self.create_queue("place", "place/+")
        producer = self.client(client_id="place-producer")
        for number in range(6):
            producer.publish_and_wait("place/x", str(number))
        first = self.client(client_id="place-1", props=[(raw.RECEIVE_MAXIMUM, 3)])
        first.subscribe("$q/place/+")
        got = first.messages(3, acknowledge=False)
        first.acknowledge(got[1])
        first.ping()
        first.abort()
        second = self.client(client_id="place-2")
        second.subscribe("$q/place/+")
        # 3 went to the first when 1 was settled, and came back too.
        self.assertEqual([int(m.payload) for m in second.messages(5)], [0, 2, 3, 4, 5])

    def test_takeover_gives_back(self):
        self.stored("takeover")
        self.take("takeover")
        again = self.client(client_id="takeover-holder")
        again.subscribe("$q/takeover/+")
        self.assertEqual(again.messages(1)[0].payload, b"job")

    def test_late_acknowledgement_is_harmless(self):
        self.stored("harmless")
        holder, message = self.take("harmless")
        holder.unsubscribe("$q/harmless/+")
        other = self.client(client_id="harmless-other")
        other.subscribe("$q/harmless/+")
        held = other.messages(1, acknowledge=False)[0]
        holder.acknowledge(message)
        holder.ping()
        self.wait_for_queue("harmless", in_flight=1, ready=0)
        other.acknowledge(held)
        self.wait_for_queue("harmless", in_flight=0, ready=0, acked_total=1)


class Reasons(StageTest):
    def ready(self, name, kind="job"):
        self.create_queue(name, f"{name}/+")
        self.client(client_id=f"{name}-producer").publish_and_wait(f"{name}/x", kind)

    def consumer(self, name, who="consumer", qos=1, **connect):
        consumer = self.client(client_id=f"{name}-{who}", **connect)
        self.assertEqual(consumer.subscribe(f"$q/{name}/+", qos=qos), [qos])
        return consumer

    def test_failure_comes_again_at_once_and_counts(self):
        for reason in (0x80, 0x83):
            with self.subTest(reason=hex(reason)):
                name = f"retry-{reason:x}"
                self.ready(name)
                consumer = self.consumer(name)
                first = consumer.messages(1, acknowledge=False)[0]
                consumer.acknowledge(first, reason)
                second = consumer.messages(1)[0]
                self.assertEqual((second.payload, second.dup), (b"job", 0))
                self.assertEqual(second.user("q-attempt"), "2")
                self.assertEqual(second.user("q-offset"), first.user("q-offset"))
                self.wait_for_queue(name, ready=0, in_flight=0, acked_total=1)

    def test_quota_exceeded_goes_to_another_and_does_not_count(self):
        self.ready("release")
        first = self.consumer("release", "first")
        held = first.messages(1, acknowledge=False)[0]
        second = self.consumer("release", "second")
        first.acknowledge(held, 0x97)
        self.assertEqual(second.messages(1)[0].user("q-attempt"), "1")

    def test_success_codes_settle(self):
        for reason in (0x00, 0x10):
            with self.subTest(reason=hex(reason)):
                name = f"settle-{reason:x}"
                self.ready(name)
                consumer = self.consumer(name)
                consumer.acknowledge(consumer.messages(1, acknowledge=False)[0], reason)
                self.wait_for_queue(name, ready=0, in_flight=0, acked_total=1)

    def test_qos_2_settles_at_pubrec(self):
        self.ready("two")
        consumer = self.consumer("two", qos=2)
        message = consumer.messages(1, acknowledge=False)[0]
        self.assertEqual(message.qos, 2)
        consumer.acknowledge(message, kind=raw.PUBREC)
        self.wait_for_queue("two", ready=0, in_flight=0, acked_total=1)
        self.assertEqual(consumer.expect(raw.PUBREL).id, message.id)
        consumer.acknowledge(message, kind=raw.PUBCOMP)
        self.assertTrue(consumer.nothing_comes())

    def test_qos_2_refused_at_pubrec(self):
        self.ready("two-no")
        consumer = self.consumer("two-no", qos=2)
        message = consumer.messages(1, acknowledge=False)[0]
        consumer.acknowledge(message, 0x80, kind=raw.PUBREC)
        again = consumer.messages(1, acknowledge=False)[0]
        self.assertEqual((again.user("q-attempt"), again.qos), ("2", 2))

    def test_qos_2_slot_is_taken_until_pubcomp(self):
        self.create_queue("slot", "slot/+")
        producer = self.client(client_id="slot-producer")
        for number in range(2):
            producer.publish_and_wait("slot/x", str(number))
        consumer = self.consumer("slot", qos=2, props=[(raw.RECEIVE_MAXIMUM, 1)])
        message = consumer.messages(1, acknowledge=False)[0]
        consumer.acknowledge(message, kind=raw.PUBREC)
        consumer.expect(raw.PUBREL)
        self.assertTrue(consumer.nothing_comes())
        consumer.acknowledge(message, kind=raw.PUBCOMP)
        self.assertEqual(consumer.messages(1, acknowledge=False)[0].payload, b"1")

    def test_qos_0_settles_when_written(self):
        self.create_queue("zero", "zero/+")
        producer = self.client(client_id="zero-producer")
        for number in range(200):
            producer.publish_and_wait("zero/x", str(number))
        consumer = self.consumer("zero", qos=0)
        got = consumer.messages(200)
        self.assertEqual([(int(m.payload), m.qos) for m in got], [(n, 0) for n in range(200)])
        self.wait_for_queue("zero", ready=0, in_flight=0, acked_total=200)

    def test_acknowledgements_in_any_order(self):
        self.create_queue("order", "order/+")
        producer = self.client(client_id="order-producer")
        for number in range(10):
            producer.publish_and_wait("order/x", str(number))
        consumer = self.consumer("order")
        got = consumer.messages(10, acknowledge=False)
        for message in reversed(got):
            consumer.acknowledge(message)
        self.wait_for_queue("order", ready=0, in_flight=0, acked_total=10)

    def test_unknown_acknowledgement_is_survived(self):
        client = self.client(client_id="unknown")
        client.acknowledge(4711)
        client.ping()
        self.assertEqual(self.client(client_id="unknown-2").subscribe("plain"), [1])


if __name__ == "__main__":
    main()
