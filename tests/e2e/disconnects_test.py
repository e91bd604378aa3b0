"""Plain QoS 1 and 2 traffic of persistent sessions, while connections are cut by the clients, the
broker stops or is killed, or Sluice is killed: nothing is lost, and QoS 2 comes once. Only when
the broker is killed may QoS 2 come twice, as it may without Sluice: what Mosquitto has just passed
on it may have forgotten.

SLUICE_DISCONNECTS is how many rounds there are, SLUICE_SEED repeats a run.
"""

import collections
import os
import random
import time

from harness import WAIT_S, StageTest, main, raw

ROUNDS = int(os.environ.get("SLUICE_DISCONNECTS", "20"))
SEED = int(os.environ.get("SLUICE_SEED", str(random.randrange(1 << 32))))
BURST = 8  # messages of each QoS, in each round


class Session:
    """A client that keeps its session [MQTT-4.4.0-1] over broken connections."""

    def __init__(self, port, version, name):
        self.port, self.version, self.name = port, version, name
        self.connection = None
        self.resumed = None

    def open(self):
        """Connects, as often as it takes."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                self.connection = raw.Client(self.port, self.version, 5)
                props = [(raw.SESSION_EXPIRY, 3600)] if self.version == 5 else []
                answer = self.connection.connect(self.name, clean=False, props=props)
                if answer.reason == 0:
                    self.resumed = answer.session_present
                    return
            except (raw.Closed, OSError):
                pass
            self.connection.close()
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} can't connect")
            time.sleep(0.05)

    def persist(self, work):
        """Does `work` until it is through, connecting again whenever the connection is lost."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                if self.connection is None:
                    self.open()
                return work()
            except (raw.Closed, OSError) as lost:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{self.name} doesn't get through: {lost!r}") from lost
                self.lose()

    def lose(self):
        if self.connection:
            self.connection.abort()
        self.connection = None


class Sender(Session):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.open_publishes = {}  # by identifier: [topic, payload, qos, released, sent before]
        self.next_id = 0

    def add(self, topic, payload, qos):
        self.next_id = self.next_id % 60000 + 1
        self.open_publishes[self.next_id] = [topic, payload, qos, False, False]

    def send_all(self):
        """All that isn't acknowledged, in order, and again after a loss [MQTT-4.4.0-1]."""
        for packet_id, publish in self.open_publishes.items():
            topic, payload, qos, released, before = publish
            if released:
                self.connection.acknowledge(packet_id, kind=raw.PUBREL)
            else:
                publish[4] = True
                self.connection.publish(topic, payload, qos, packet_id=packet_id, dup=before)
        while self.open_publishes:
            answer = self.connection.read()
            if answer.kind == raw.PUBREC and answer.id in self.open_publishes:
                self.open_publishes[answer.id][3] = True
                self.connection.acknowledge(answer.id, kind=raw.PUBREL)
            elif answer.kind in (raw.PUBACK, raw.PUBCOMP):
                self.open_publishes.pop(answer.id, None)


class Receiver(Session):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.once, self.got = [], {}  # QoS 2; QoS 1 with how often
        self.unreleased = set()

    def open(self):
        super().open()
        if not self.resumed:
            self.unreleased.clear()

    def take(self, chance):
        """One packet, answered, now and then only after a while."""
        packet = self.connection.read()
        if packet.kind == raw.PUBREL:
            self.unreleased.discard(packet.id)
            self.connection.acknowledge(packet.id, kind=raw.PUBCOMP)
        elif packet.kind == raw.PUBLISH:
            if chance.random() < 0.1:
                time.sleep(0.002)
            self.keep(packet)
            kind = raw.PUBACK if packet.qos == 1 else raw.PUBREC
            self.connection.acknowledge(packet, kind=kind)

    def keep(self, packet):
        text = packet.payload.decode()
        if packet.qos == 1:
            self.got[text] = self.got.get(text, 0) + 1
        elif packet.id not in self.unreleased:
            self.unreleased.add(packet.id)
            self.once.append(text)


class Disconnects(StageTest):
    # A broker that is killed has only what it wrote: after every change.
    settings = ("autosave_interval 1", "autosave_on_changes true")

    def test_any_side_may_go_at_any_moment(self):
        print(f"SLUICE_SEED={SEED}", flush=True)
        chance = random.Random(SEED)
        for version in (4, 5):
            for victim in ("client", "sluice", "broker", "broker-killed"):
                with self.subTest(version=version, victim=victim):
                    self.rounds(version, victim, chance, -(-ROUNDS // 8))

    def rounds(self, version, victim, chance, count):
        """One sender, one receiver, both through Sluice: both directions, in every round."""
        name = f"{victim}-{version}"
        sender = Sender(self.sluice.port, version, f"s-{name}")
        receiver = Receiver(self.sluice.port, version, f"r-{name}")
        receiver.open()
        self.addCleanup(receiver.lose)
        self.addCleanup(sender.lose)
        receiver.connection.subscribe_for_ack(f"{name}/+", qos=2)
        sent = {1: [], 2: []}
        for number in range(count):
            for n in range(BURST):
                for qos in (1, 2):
                    text = f"{number}-{n}-{qos}"
                    sent[qos].append(text)
                    sender.add(f"{name}/{qos}", text.encode(), qos)
            self.one_round(victim, sender, receiver, chance)
            wanted = set(sent[1]), set(sent[2])

            def step():
                while not (set(receiver.got) >= wanted[0] and set(receiver.once) >= wanted[1]):
                    receiver.take(chance)

            try:
                receiver.persist(step)
            except AssertionError as why:
                missing = wanted[0] - set(receiver.got), wanted[1] - set(receiver.once)
                self.fail(f"round {number}: missing {missing}: {why}")
        twice = [text for text, times in collections.Counter(receiver.once).items() if times > 1]
        if victim != "broker-killed":
            self.assertFalse(twice, "more than once at QoS 2")
        print(f"{name}: {count} rounds, {len(sent[1])} + {len(sent[2])} messages, "
              f"{sum(receiver.got.values()) - len(receiver.got)} repeated at QoS 1, "
              f"{len(twice)} at QoS 2", flush=True)

    def one_round(self, victim, sender, receiver, chance):
        """Sends, and lets the end come at some moment of it; then all goes on as it does."""
        def cut():
            if sender.connection is None:
                sender.open()
            for packet_id, publish in sender.open_publishes.items():
                topic, payload, qos, _, before = publish
                publish[4] = True
                sender.connection.publish(topic, payload, qos, packet_id=packet_id, dup=before)
            time.sleep(chance.uniform(0, 0.03))
            self.strike(victim, sender, receiver)

        sender.persist(cut)
        sender.persist(sender.send_all)

    def strike(self, victim, sender, receiver):
        if victim == "client":
            sender.lose()
            receiver.lose()
        elif victim == "sluice":
            self.sluice.kill()
            self.sluice.start()
        else:
            if victim == "broker":
                self.broker.stop()
            else:
                self.broker.kill()
            self.broker.start()
        sender.lose()  # a peer that is gone for a moment only says so when asked


if __name__ == "__main__":
    main()
