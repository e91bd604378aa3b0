"""DISCONNECT both ways, keep alive, and order between connections."""

import time

import raw
from parity.connection import PATIENCE_S
from parity.stage import script


@script()
def disconnect(s):
    s.connect().disconnect()


@script(5)
def disconnect_with_everything(s):
    c = s.connect(**s.kept(10))
    c.disconnect(0, [(raw.SESSION_EXPIRY, 20), (raw.REASON_STRING, "bye"),
                     (raw.USER_PROPERTY, ("a", "1"))])


@script(5)
def disconnect_with_every_reason(s):
    for n, reason in enumerate((0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96,
                                0x97, 0x98, 0x99)):
        s.connect(f"r{n}").disconnect(reason)


@script()
def packets_behind_disconnect(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"))
    c = s.connect()
    c.send(raw.packet(raw.DISCONNECT, b"") +
           raw.packet(raw.PUBLISH, raw.binary(s.topic("x")) + (b"\x00" if s.v5 else b"") + b"no"))
    c.end(PATIENCE_S)
    watcher.drain()


@script()
def publish_and_disconnect_at_once(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"), qos=2)
    for qos in (0, 1):
        c = s.connect()
        for n in range(5):
            c.publish(s.topic("x"), f"{qos} {n}", qos)
        c.send_disconnect()
        c.end(PATIENCE_S)
        c.lines[:] = c.lines[:1] + ["..."]  # acknowledgements may still come, or not
    watcher.take(10)
    watcher.drain()


@script(differs=("says-why",))
def keep_alive_ends_at_one_and_a_half(s):
    start = time.monotonic()
    c = s.connect(keep_alive_s=2)
    c.end(PATIENCE_S)
    s.note(2.5 < time.monotonic() - start < 7)


@script()
def keep_alive_is_kept_by_pings(s):
    c = s.connect(keep_alive_s=1)
    for _ in range(6):
        time.sleep(0.5)
        c.send(raw.packet(raw.PINGREQ, b""))
        c.read()
    c.disconnect()


@script()
def keep_alive_is_kept_by_publishes(s):
    c = s.connect(keep_alive_s=1)
    for _ in range(6):
        time.sleep(0.5)
        c.publish(s.topic("x"), b"x", 0)
    c.drain()
    c.disconnect()


@script(differs=("says-why",))
def keep_alive_is_not_kept_by_what_the_server_sends(s):
    c = s.connect(keep_alive_s=1)
    c.subscribe(s.topic("x"), qos=0)
    other = s.connect("other")
    for _ in range(12):
        time.sleep(0.3)
        other.publish(s.topic("x"), b"x", 0)
    c.end(PATIENCE_S)
    c.lines[:] = [line for line in c.lines if not line.startswith("PUBLISH")]


@script()
def without_keep_alive_silence_is_allowed(s):
    c = s.connect(keep_alive_s=0)
    time.sleep(4)
    c.drain()
    c.disconnect()


@script()
def published_on_one_closed_then_seen_on_another(s):
    for qos in (0, 1, 2):
        a = s.connect("a")
        a.publish(s.topic(f"q{qos}"), b"retained", qos, retain=1)
        if qos:
            a.until(raw.PUBACK if qos == 1 else raw.PUBCOMP)
        a.disconnect()
        b = s.connect("b")
        b.subscribe(s.topic(f"q{qos}"), qos=qos)
        b.take(1)
        b.disconnect()


@script()
def order_over_two_connections(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"), qos=0)
    for n in range(10):
        c = s.connect("ab"[n % 2])
        c.publish(s.topic("x"), str(n), 0)
        c.disconnect()
    watcher.take(10)


@script()
def unsubscribed_then_published_elsewhere(s):
    a, b = s.connect("a"), s.connect("b")
    a.subscribe(s.topic("x"))
    b.publish_done(s.topic("x"), b"1")
    a.take(1)
    a.unsubscribe(s.topic("x"))
    b.publish_done(s.topic("x"), b"2")
    a.drain()


@script()
def closed_while_messages_come(s):
    a, b = s.connect("a"), s.connect("b")
    a.subscribe(s.topic("x"), qos=0)
    for n in range(50):
        b.publish(s.topic("x"), str(n), 0)
    a.take(10)
    a.vanish()
    b.drain()
    again = s.connect("a")
    again.subscribe(s.topic("x"), qos=0)
    b.publish_done(s.topic("x"), b"end", 1)
    again.drain()
    s.traces["a.1"][:] = s.traces["a.1"][:12]
