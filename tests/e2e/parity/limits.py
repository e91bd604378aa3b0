"""A broker with narrow limits: they reach the client, and hold."""

import raw
from parity.stage import script

LIMITED = {"broker": "limited"}  # as in parity/brokers.py


@script(**LIMITED)
def granted(s):
    s.connect().disconnect()


@script(5, **LIMITED)
def server_keep_alive(s):
    s.connect(keep_alive_s=600).disconnect()
    s.connect(keep_alive_s=5).disconnect()


@script(**LIMITED)
def empty_client_id_refused(s):
    s.connect(client_id="").end()


@script(**LIMITED)
def qos_above_the_maximum(s):
    c = s.connect()
    c.publish(s.topic("x"), b"x", 2)
    c.end()


@script(**LIMITED)
def qos_at_the_maximum(s):
    c = s.connect()
    c.subscribe(s.topic("x"), qos=2)
    c.publish_done(s.topic("x"), b"x", 1)
    c.drain()


@script(**LIMITED)
def retain_not_available(s):
    c = s.connect()
    c.publish(s.topic("x"), b"x", 1, retain=1)
    c.end()


@script(**LIMITED)
def will_retain_not_available(s):
    c = s.open()
    c.send_connect(s.name("a"), will={"topic": s.topic("w"), "retain": 1})
    c.end()


@script(**LIMITED)
def will_qos_above_the_maximum(s):
    c = s.open()
    c.send_connect(s.name("a"), will={"topic": s.topic("w"), "qos": 2})
    c.end()


@script(**LIMITED)
def packet_larger_than_the_maximum(s):
    c = s.connect()
    c.publish(s.topic("x"), b"x" * 3000, 1)
    c.end()


@script(**LIMITED)
def packet_of_the_maximum(s):
    c = s.connect()
    c.subscribe(s.topic("x"))
    head = 3 + 2 + len(s.topic("x")) + 2 + (1 if s.v5 else 0)
    c.publish_done(s.topic("x"), b"x" * (2000 - head), 1)
    c.drain()


@script(5, **LIMITED)
def topic_alias_at_and_above_the_maximum(s):
    c = s.connect()
    c.publish_done(s.topic("x"), b"x", 1, props=[(0x23, 3)])
    c.publish(s.topic("x"), b"x", 1, props=[(0x23, 4)])
    c.end()


@script(**LIMITED)
def many_unacknowledged_publishes(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"))
    c = s.connect()
    for n in range(0, 60, 5):
        for k in range(5):
            c.publish(s.topic("x"), str(n + k), 1)
        for _ in range(5):
            c.until(raw.PUBACK)
    watcher.take(60)
    watcher.drain()
