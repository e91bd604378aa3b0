"""QoS 2, also when it is interrupted at each of its four packets, in both directions."""

import raw
from parity.stage import script


def watcher_of(s, qos=2):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"), qos=qos)
    return watcher


def receiver_of(s):
    """A client in a kept session, with one message of QoS 2 on its way to it."""
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    c.subscribe(s.topic("x"), qos=2)
    other = s.connect("other")
    other.publish_done(s.topic("x"), b"once", 2)
    return c, c.until(raw.PUBLISH)


@script()
def both_ways(s):
    watcher = watcher_of(s)
    c = s.connect()
    for n in range(5):
        c.publish_done(s.topic("x"), str(n), 2)
    watcher.take(5)
    watcher.drain()


@script()
def several_at_once(s):
    watcher = watcher_of(s)
    c = s.connect()
    c.auto_acknowledge = False
    ids = [c.publish(s.topic("x"), str(n), 2) for n in range(5)]
    for _ in ids:
        c.until(raw.PUBREC)
    for packet_id in ids:
        c.acknowledge(packet_id, kind=raw.PUBREL)
    c.drain()
    watcher.take(5)
    watcher.drain()


@script()
def publish_repeated_before_pubrel(s):
    watcher = watcher_of(s)
    c = s.connect()
    c.auto_acknowledge = False
    packet_id = c.publish(s.topic("x"), b"once", 2)
    c.until(raw.PUBREC)
    c.publish(s.topic("x"), b"once", 2, packet_id=packet_id, dup=1)
    c.until(raw.PUBREC)
    c.acknowledge(packet_id, kind=raw.PUBREL)
    c.until(raw.PUBCOMP)
    watcher.drain()


@script()
def pubrel_repeated(s):
    watcher = watcher_of(s)
    c = s.connect()
    packet_id = 7
    c.publish_done(s.topic("x"), b"once", 2, packet_id=packet_id)
    c.acknowledge(packet_id, kind=raw.PUBREL)
    c.until(raw.PUBCOMP)
    watcher.drain()


@script()
def pubrel_of_unknown_id(s):
    c = s.connect()
    c.acknowledge(123, kind=raw.PUBREL)
    c.drain()


@script()
def pubrec_of_unknown_id(s):
    c = s.connect()
    c.acknowledge(123, kind=raw.PUBREC)
    c.drain()


@script()
def puback_and_pubcomp_of_unknown_id(s):
    c = s.connect()
    c.acknowledge(123, kind=raw.PUBACK)
    c.acknowledge(124, kind=raw.PUBCOMP)
    c.drain()


@script()
def sender_breaks_after_publish(s):
    watcher = watcher_of(s)
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    packet_id = c.publish(s.topic("x"), b"once", 2)
    c.until(raw.PUBREC)
    c.vanish()
    again = s.connect(**s.kept())
    again.auto_acknowledge = False
    again.publish(s.topic("x"), b"once", 2, packet_id=packet_id, dup=1)
    again.until(raw.PUBREC)
    again.acknowledge(packet_id, kind=raw.PUBREL)
    again.until(raw.PUBCOMP)
    watcher.drain()


@script()
def sender_breaks_after_pubrec(s):
    watcher = watcher_of(s)
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    packet_id = c.publish(s.topic("x"), b"once", 2)
    c.until(raw.PUBREC)
    c.vanish()
    again = s.connect(**s.kept())
    again.acknowledge(packet_id, kind=raw.PUBREL)
    again.until(raw.PUBCOMP)
    watcher.drain()


@script()
def sender_breaks_after_pubrel(s):
    watcher = watcher_of(s)
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    packet_id = c.publish(s.topic("x"), b"once", 2)
    c.until(raw.PUBREC)
    c.acknowledge(packet_id, kind=raw.PUBREL)
    c.until(raw.PUBCOMP)
    c.vanish()
    again = s.connect(**s.kept())
    again.acknowledge(packet_id, kind=raw.PUBREL)
    again.until(raw.PUBCOMP)
    watcher.drain()


@script()
def sender_starts_anew_instead(s):
    watcher = watcher_of(s)
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    packet_id = c.publish(s.topic("x"), b"first", 2)
    c.until(raw.PUBREC)
    c.vanish()
    again = s.connect(clean=True)
    again.publish_done(s.topic("x"), b"second", 2, packet_id=packet_id)
    watcher.drain()


@script()
def receiver_breaks_before_pubrec(s):
    c, _ = receiver_of(s)
    c.vanish()
    s.connect(**s.kept()).drain()


@script()
def receiver_breaks_after_pubrec(s):
    c, message = receiver_of(s)
    c.acknowledge(message, kind=raw.PUBREC)
    c.until(raw.PUBREL)
    c.vanish()
    s.connect(**s.kept()).drain()


@script()
def receiver_breaks_after_pubcomp(s):
    c, message = receiver_of(s)
    c.acknowledge(message, kind=raw.PUBREC)
    c.until(raw.PUBREL)
    c.acknowledge(message, kind=raw.PUBCOMP)
    c.drain()
    c.vanish()
    s.connect(**s.kept()).drain()


@script()
def receiver_repeats_pubrec(s):
    c, message = receiver_of(s)
    c.acknowledge(message, kind=raw.PUBREC)
    c.until(raw.PUBREL)
    c.acknowledge(message, kind=raw.PUBREC)
    c.drain()


@script(5)
def receiver_refuses(s):
    c, message = receiver_of(s)
    c.acknowledge(message, 0x80, kind=raw.PUBREC)
    c.drain()
    c.vanish()
    s.connect(**s.kept()).drain()


@script(differs=("says-why",))
def receiver_answers_puback_instead(s):
    c, message = receiver_of(s)
    c.acknowledge(message, kind=raw.PUBACK)
    c.end()


@script()
def order_of_qos_2_after_a_break(s):
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    c.subscribe(s.topic("x"), qos=2)
    other = s.connect("other")
    for n in range(4):
        other.publish_done(s.topic("x"), str(n), 2)
    got = c.take(4)
    c.acknowledge(got[0], kind=raw.PUBREC)
    c.until(raw.PUBREL)
    c.vanish()
    s.connect(**s.kept()).drain()


@script()
def same_id_used_again_after_pubcomp(s):
    watcher = watcher_of(s)
    c = s.connect()
    for n in range(3):
        c.publish_done(s.topic("x"), str(n), 2, packet_id=9)
    watcher.drain()


@script()
def id_of_qos_1_is_free_after_puback(s):
    watcher = watcher_of(s)
    c = s.connect()
    for n in range(3):
        c.publish_done(s.topic("x"), str(n), 1, packet_id=9)
    watcher.drain()


@script()
def qos_1_sent_twice_is_delivered_twice(s):
    watcher = watcher_of(s)
    c = s.connect()
    c.publish_done(s.topic("x"), b"twice", 1, packet_id=9)
    c.publish_done(s.topic("x"), b"twice", 1, packet_id=9, dup=1)
    watcher.drain()
