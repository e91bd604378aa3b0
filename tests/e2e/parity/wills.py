"""Wills: when they fire, when not, and what is in them."""

import struct
import time

import raw
from parity.connection import PATIENCE_S
from parity.stage import script

DELAY = 0x18


def watched(s, qos=2):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("will"), qos=qos)
    return watcher


def will(s, payload=b"gone", **options):
    return {"topic": s.topic("will"), "payload": payload, **options}


@script()
def after_a_lost_connection(s):
    for qos in (0, 1, 2):
        watcher = watched(s)
        s.connect(will=will(s, qos=qos)).vanish()
        watcher.take(1)
        watcher.drain()
        watcher.disconnect()


@script()
def after_a_closed_socket(s):
    watcher = watched(s)
    c = s.connect(will=will(s))
    c.close()
    watcher.take(1)
    watcher.drain()


@script()
def not_after_disconnect(s):
    watcher = watched(s)
    s.connect(will=will(s)).disconnect()
    watcher.drain()


@script(5)
def after_disconnect_with_will(s):
    watcher = watched(s)
    s.connect(will=will(s)).disconnect(0x04)
    watcher.take(1)
    watcher.drain()


@script(5)
def after_disconnect_with_an_error(s):
    watcher = watched(s)
    for reason in (0x80, 0x81, 0x83, 0x93, 0x97):
        s.connect(will=will(s, bytes([reason]))).disconnect(reason)
        watcher.take(1)
    watcher.drain()


@script(differs=("will-after-error",))
def after_a_protocol_error(s):
    watcher = watched(s)
    c = s.connect(will=will(s))
    c.send_connect(s.name("a"))
    c.end()
    watcher.take(1)
    watcher.drain()


@script()
def after_malformed_bytes(s):
    watcher = watched(s)
    c = s.connect(will=will(s))
    c.send(b"\x36\x05\x00\x01x\x00\x01")
    c.end()
    watcher.take(1)
    watcher.drain()


@script(differs=("says-why",))
def after_silence(s):
    watcher = watched(s)
    c = s.connect(keep_alive_s=1, will=will(s))
    c.end(PATIENCE_S)
    watcher.take(1)
    watcher.drain()


@script()
def retained(s):
    c = s.connect(will=will(s, b"kept", qos=1, retain=1))
    watcher = watched(s)
    c.vanish()
    watcher.take(1)
    late = s.connect("late")
    late.subscribe(s.topic("will"))
    late.drain()


@script(5)
def all_properties(s):
    watcher = watched(s)
    s.connect(will=will(s, qos=1, props=[
        (0x01, 1), (0x02, 1000), (0x03, "t"), (0x08, "r"), (0x09, b"c\x00"),
        (raw.USER_PROPERTY, ("b", "1")), (raw.USER_PROPERTY, ("a", "2")),
        (raw.USER_PROPERTY, ("b", "3"))])).vanish()
    watcher.take(1)


@script(5)
def delayed_until_its_time(s):
    watcher = watched(s)
    s.connect(will=will(s, props=[(DELAY, 2)]), props=[(raw.SESSION_EXPIRY, 60)]).vanish()
    start = time.monotonic()
    watcher.take(1)
    s.note(1 < time.monotonic() - start < 6)
    watcher.drain()


@script(5)
def delayed_and_the_session_ends_first(s):
    watcher = watched(s)
    s.connect(will=will(s, props=[(DELAY, 60)]), props=[(raw.SESSION_EXPIRY, 1)]).vanish()
    watcher.take(1)


@script(5)
def delayed_without_a_session(s):
    watcher = watched(s)
    s.connect(will=will(s, props=[(DELAY, 60)])).vanish()
    watcher.take(1)


@script(5)
def delayed_and_resumed(s):
    watcher = watched(s)
    s.connect(will=will(s, props=[(DELAY, 2)]), **s.kept()).vanish()
    again = s.connect(**s.kept())
    time.sleep(3)
    watcher.drain()
    again.disconnect()
    watcher.drain()


@script(5)
def delayed_and_started_anew(s):
    watcher = watched(s)
    s.connect(will=will(s, props=[(DELAY, 60)]), props=[(raw.SESSION_EXPIRY, 60)]).vanish()
    s.connect(clean=True).drain()
    watcher.take(1)


@script(5, differs=("says-why",))
def delayed_and_taken_over(s):
    watcher = watched(s)
    first = s.connect(will=will(s, props=[(DELAY, 60)]), **s.kept())
    second = s.connect(**s.kept())
    first.end()
    watcher.drain()
    second.disconnect()
    watcher.drain()


@script(5)
def expiry_0_at_disconnect_with_will(s):
    watcher = watched(s)
    c = s.connect(will=will(s, props=[(DELAY, 60)]), props=[(raw.SESSION_EXPIRY, 60)])
    c.disconnect(0x04, [(raw.SESSION_EXPIRY, 0)])
    watcher.take(1)


@script()
def of_a_kept_session(s):
    watcher = watched(s)
    s.connect(will=will(s), **s.kept()).vanish()
    watcher.take(1)
    s.connect(**s.kept()).vanish()
    watcher.drain()


@script()
def its_own_subscriber_comes_back(s):
    c = s.connect(will=will(s, qos=1), **s.kept())
    c.subscribe(s.topic("will"))
    c.vanish()
    s.connect("other").drain()
    s.connect(**s.kept()).drain()


@script()
def replaced_by_the_next_connection(s):
    watcher = watched(s)
    s.connect(will=will(s, b"first"), **s.kept()).disconnect()
    s.connect(will=will(s, b"second"), **s.kept()).vanish()
    watcher.take(1)
    watcher.drain()


@script()
def after_half_a_packet(s):
    watcher = watched(s)
    c = s.connect(will=will(s))
    c.send(b"\x30\x7f" + struct.pack(">H", 3) + b"abc")
    c.vanish()
    watcher.take(1)


@script()
def what_was_published_before_comes_first(s):
    watcher = watched(s, qos=1)
    c = s.connect(will=will(s, qos=1))
    for n in range(5):
        c.publish(s.topic("will"), str(n), 1)
    for n in range(5):
        c.until(raw.PUBACK)
    c.vanish()
    watcher.take(6)
