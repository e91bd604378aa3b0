"""Retained messages."""

import time

import raw
from parity.stage import script

AS_PUBLISHED = 0x08


def retain(s, topic, payload, qos=1, **options):
    c = s.connect("retainer")
    c.publish_done(s.topic(topic), payload, qos, retain=1, **options)
    c.disconnect()


@script()
def kept_and_marked(s):
    retain(s, "x", b"kept", qos=2)
    for qos in (0, 1, 2):
        c = s.connect(f"q{qos}")
        c.subscribe(s.topic("x"), qos=qos)
        c.drain()


@script()
def kept_of_every_qos(s):
    for qos in (0, 1, 2):
        retain(s, f"q{qos}", str(qos), qos=qos)
    for qos in (0, 1, 2):
        c = s.connect()
        c.subscribe(s.topic(f"q{qos}"), qos=2)
        c.drain()
        c.disconnect()


@script()
def not_marked_for_those_who_are_there(s):
    c = s.connect()
    c.subscribe(s.topic("x"))
    retain(s, "x", b"fresh")
    c.drain()


@script()
def replaced(s):
    retain(s, "x", b"1")
    retain(s, "x", b"2")
    c = s.connect()
    c.subscribe(s.topic("x"))
    c.drain()


@script()
def cleared_by_an_empty_one(s):
    retain(s, "x", b"1")
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"))
    watcher.take(1)
    retain(s, "x", b"")
    watcher.drain()
    c = s.connect()
    c.subscribe(s.topic("x"))
    c.drain()


@script()
def found_by_wildcards(s):
    for n in range(5):
        retain(s, f"x/{n}", str(n))
    c = s.connect()
    c.subscribe(s.topic("x/3"), s.topic("y/+"))
    c.drain()
    other = s.connect("other")
    other.subscribe(s.topic("x/#"))
    got = other.take(5)
    s.note(sorted(p.payload for p in got))
    other.lines[:] = [other.lines[0], other.lines[1]]  # in any order


@script()
def comes_again_with_a_new_subscribe(s):
    retain(s, "x", b"1")
    c = s.connect()
    c.subscribe(s.topic("x"))
    c.take(1)
    c.subscribe(s.topic("x"))
    c.take(1)
    c.drain()


@script(5)
def retain_handling(s):
    retain(s, "x", b"1")
    for handling in (0, 1, 2):
        c = s.connect(f"h{handling}")
        c.subscribe((s.topic("x"), 1 | handling << 4))
        c.drain()
        c.subscribe((s.topic("x"), 1 | handling << 4))
        c.drain()


@script(5)
def retain_as_published(s):
    plain, marked = s.connect("plain"), s.connect("marked")
    plain.subscribe((s.topic("x"), 1))
    marked.subscribe((s.topic("x"), 1 | AS_PUBLISHED))
    retain(s, "x", b"retained")
    other = s.connect("other")
    other.publish_done(s.topic("x"), b"not retained", 1)
    plain.drain()
    marked.drain()


@script(5)
def with_all_properties(s):
    retain(s, "x", b"p", props=[
        (0x01, 1), (0x02, 1000), (0x03, "t"), (0x08, "r"), (0x09, b"c"),
        (raw.USER_PROPERTY, ("k", "2")), (raw.USER_PROPERTY, ("k", "1"))])
    c = s.connect()
    c.subscribe(s.topic("x"), props=[(raw.SUBSCRIPTION_ID, 3)])
    c.drain()


@script(5)
def expired(s):
    retain(s, "x", b"short", props=[(0x02, 1)])
    time.sleep(3)
    c = s.connect()
    c.subscribe(s.topic("x"))
    c.drain()


@script()
def delivered_to_a_kept_session(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("x"))
    c.disconnect()
    retain(s, "x", b"while away")
    s.connect(**s.kept()).drain()


@script()
def overlapping_filters(s):
    retain(s, "x/y", b"1")
    c = s.connect()
    c.subscribe((s.topic("x/y"), 1))
    c.drain()
    c.subscribe((s.topic("x/+"), 0))
    c.drain()


@script()
def forbidden_is_not_kept(s):
    c = s.connect()
    c.publish_done("denied/" + s.topic("x"), b"no", 1, retain=1)
    c.drain()


@script()
def large(s):
    retain(s, "x", b"r" * 300000)
    c = s.connect()
    c.subscribe(s.topic("x"))
    c.take(1)
