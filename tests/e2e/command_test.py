"""Settling by command ($q/$settle/...), and keys that stay with their consumers."""

from harness import StageTest, main, raw

USER = raw.USER_PROPERTY
EXPLICIT = [(USER, ("settle", "explicit"))]
DONE, NOT_YOURS, BAD_TOPIC, BAD_PAYLOAD = 0x00, 0x10, 0x90, 0x99


class SettlingByCommand(StageTest):
    def setUp(self):
        self.came = []  # while a command waited for its answer

    def next_message(self, worker):
        return self.came.pop(0) if self.came else worker.messages(1)[0]

    def worker(self, name, topic_filter, receive_maximum=10, **options):
        client = self.client(client_id=name, props=[(raw.RECEIVE_MAXIMUM, receive_maximum)])
        client.subscribe(topic_filter, props=EXPLICIT, **options)
        return client

    def command(self, worker, message, verb, payload=b"", qos=1):
        """The reason code of the answer."""
        token = message if isinstance(message, str) else message.user("q-delivery")
        packet_id = worker.publish(f"$q/$settle/{token}/{verb}", payload, qos=qos)
        # The next message may come before the answer, which waits for the disk.
        while (answer := worker.read()).kind == raw.PUBLISH:
            worker.acknowledge(answer)
            self.came.append(answer)
        self.assertEqual(answer.kind, raw.PUBACK if qos == 1 else raw.PUBREC)
        if qos == 1:
            return answer.reason
        worker.send(raw.packet(raw.PUBREL, packet_id.to_bytes(2, "big"), 2))
        worker.expect(raw.PUBCOMP)
        return answer.reason

    def stored(self, name, count=1, *options):
        self.create_queue(name, f"{name}/+", *options)
        producer = self.client(client_id=f"{name}-producer")
        for number in range(count):
            producer.publish_and_wait(f"{name}/x", str(number))

    def test_puback_settles_nothing_and_ack_does(self):
        self.stored("cmd", 2)
        worker = self.worker("cmd-1", "$q/cmd/+", receive_maximum=1)
        first = self.next_message(worker)  # acknowledged
        self.assertTrue(worker.nothing_comes())  # unsettled messages are what counts
        self.wait_for_queue("cmd", ready=1, in_flight=1)
        self.assertEqual(self.command(worker, first, "ack"), DONE)
        second = self.next_message(worker)
        self.assertEqual(second.payload, b"1")
        self.assertEqual(self.command(worker, second, "ack", qos=2), DONE)
        self.wait_for_queue("cmd", ready=0, in_flight=0, acked_total=2)
        self.assertEqual(self.command(worker, second, "ack"), NOT_YOURS)

    def test_retry_release_and_reject(self):
        self.stored("verbs", 1, "--set", "release_pause=0s")
        worker = self.worker("verbs-1", "$q/verbs/+")
        message = self.next_message(worker)
        self.assertEqual(self.command(worker, message, "release"), DONE)
        message = self.next_message(worker)
        self.assertEqual(message.user("q-attempt"), "1")
        self.assertEqual(self.command(worker, message, "retry", b"200ms"), DONE)
        message = self.next_message(worker)
        self.assertEqual(message.user("q-attempt"), "2")
        self.assertEqual(self.command(worker, message, "reject", b"no such camera"), DONE)
        self.wait_for_queue("verbs", dead=1, ready=0, in_flight=0)
        reader = self.client(client_id="verbs-dead")
        reader.subscribe("$q/$dead/verbs/+")
        dead = reader.messages(1)[0]
        self.assertEqual(dead.user("q-dead-reason"), "rejected: no such camera")

    def test_lease_begins_at_puback_is_extended_and_fences(self):
        self.stored("lease", 1, "--set", "ack_timeout=1s", "--set", "retry_delay=0s")
        worker = self.worker("lease-1", "$q/lease/+")
        other = self.worker("lease-2", "$q/lease/+")
        message = self.next_message(worker)
        self.assertEqual(self.command(worker, message, "extend", b"3s"), DONE)
        moved = self.next_message(other)  # after the 3 s, not after 1
        self.assertEqual(moved.user("q-attempt"), "2")
        for verb in ("ack", "retry", "extend"):
            self.assertEqual(self.command(worker, message, verb), NOT_YOURS)
        self.assertEqual(self.command(other, moved, "ack"), DONE)
        self.wait_for_queue("lease", ready=0, in_flight=0, acked_total=1, redelivered_total=1)

    def test_wrong_commands_are_named(self):
        self.stored("wrong", 1)
        worker = self.worker("wrong-1", "$q/wrong/+")
        message = self.next_message(worker)
        self.assertEqual(self.command(worker, message, "done"), BAD_TOPIC)
        self.assertEqual(self.command(worker, "", "ack"), BAD_TOPIC)
        self.assertEqual(self.command(worker, "xyz", "ack"), BAD_TOPIC)
        self.assertEqual(self.command(worker, "0-1", "ack"), NOT_YOURS)
        self.assertEqual(self.command(worker, message, "retry", b"soon"), BAD_PAYLOAD)
        self.assertEqual(self.command(worker, message, "reject", b"\xff"), BAD_PAYLOAD)
        self.assertEqual(self.command(worker, message, "ack"), DONE)

    def test_a_killed_worker_loses_nothing_and_an_old_name_means_nothing(self):
        self.stored("killed", 1)
        worker = self.worker("killed-1", "$q/killed/+")
        message = self.next_message(worker)
        worker.abort()
        again = self.worker("killed-1", "$q/killed/+")
        other = again.messages(1)[0]
        self.assertEqual(other.user("q-attempt"), "2")
        self.assertEqual(self.command(again, message, "ack"), NOT_YOURS)
        self.assertEqual(self.command(again, other, "ack"), DONE)

    def test_queue_option_and_clients_that_settle_by_puback(self):
        self.stored("option", 2, "--set", "settle=explicit")
        old = self.client(version=4, client_id="option-311")
        old.subscribe("$q/option/+")
        old.messages(2)
        self.wait_for_queue("option", acked_total=2)
        self.client(client_id="option-producer").publish_and_wait("option/x", "3")
        old.disconnect()
        new = self.client(client_id="option-5")
        new.subscribe("$q/option/+")
        message = new.messages(1)[0]
        self.wait_for_queue("option", in_flight=1)
        self.assertEqual(self.command(new, message, "ack"), DONE)

    def test_settled_is_on_disk(self):
        """Killed right after the answer, Sluice doesn't deliver what was settled."""
        self.stored("durable", 4)
        worker = self.worker("durable-1", "$q/durable/+")
        for message in worker.messages(4)[:3]:
            self.assertEqual(self.command(worker, message, "ack"), DONE)
        self.sluice.kill()
        self.sluice.start()
        self.wait_for_queue("durable", ready=1, acked_total=3)


class KeyAffinity(StageTest):
    def test_order_per_key_while_workers_join_leave_and_crash(self):
        self.create_queue("lanes", "lanes/+", "--dispatch", "key_affinity",
                          "--set", "max_inflight=4")
        producer = self.client(client_id="lanes-producer")
        keys, rounds = 20, 40
        workers = {}
        done = {key: [] for key in range(keys)}
        holders = {}

        def work(worker, last=False):
            for packet in worker.ping():
                if packet.kind != raw.PUBLISH:
                    continue
                key, number = int(packet.topic.split("/")[1]), int(packet.payload)
                holders.setdefault(key, []).append(worker)
                if not last:
                    done[key].append(number)
                    worker.acknowledge(packet)

        for number in range(rounds):
            for key in range(keys):
                producer.publish_and_wait(f"lanes/{key}", str(number))
            if number in (0, 5, 10, 20):  # join
                worker = self.client(client_id=f"lanes-{number}")
                worker.subscribe("$q/lanes/+")
                workers[number] = worker
            if number == 15:  # leave
                work(workers[5])
                workers.pop(5).disconnect()
            if number == 25:  # crash, with messages in flight
                workers.pop(10).abort()
            for worker in list(workers.values()):
                work(worker)
        for _ in range(200):
            if self.queue("lanes")["acked_total"] >= keys * rounds:
                break
            for worker in workers.values():
                work(worker)
        for key in range(keys):
            # What was in flight with the worker that crashed or left may come twice, in its place.
            seen = list(dict.fromkeys(done[key]))
            self.assertEqual(seen, list(range(rounds)), key)
        self.assertGreater(len({id(w) for w in sum(holders.values(), [])}), 3)
        self.wait_for_queue("lanes", ready=0, in_flight=0)


if __name__ == "__main__":
    main()
