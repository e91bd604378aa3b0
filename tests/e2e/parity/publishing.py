"""PUBLISH: payloads, topics, properties, aliases, rights."""

import time

import raw
from parity.stage import script

MESSAGE = [(0x01, 1), (0x02, 1000), (0x03, "text/plain"), (0x08, "an/answer"),
           (0x09, b"\x00\x01\xff"), (raw.USER_PROPERTY, ("b", "2")),
           (raw.USER_PROPERTY, ("a", "1")), (raw.USER_PROPERTY, ("b", "3")),
           (raw.USER_PROPERTY, ("", ""))]
ALIAS = 0x23


def pair(s, qos=2, topic="x", **options):
    """Somebody who listens, and somebody who publishes."""
    watcher = s.connect("watcher", **options)
    watcher.subscribe(s.topic(topic), qos=qos)
    return watcher, s.connect()


@script()
def every_qos_to_every_qos(s):
    publisher = s.connect()
    watchers = []
    for qos in (0, 1, 2):
        watchers.append(s.connect(f"watcher{qos}"))
        watchers[-1].subscribe(s.topic("x"), qos=qos)
    for qos in (0, 1, 2):
        publisher.publish_done(s.topic("x"), f"qos {qos}", qos)
    for watcher in watchers:
        watcher.take(3)
        watcher.drain()


@script()
def without_subscribers(s):
    c = s.connect()
    for qos in (0, 1, 2):
        c.publish_done(s.topic("nobody"), b"x", qos)
    c.drain()


@script()
def to_oneself(s):
    c = s.connect()
    c.subscribe(s.topic("x"), qos=1)
    c.publish(s.topic("x"), b"mine", 0)
    c.take(1)
    c.drain()


@script()
def empty_payload(s):
    watcher, c = pair(s)
    for qos in (0, 1, 2):
        c.publish_done(s.topic("x"), b"", qos)
    watcher.take(3)
    watcher.drain()


@script()
def all_properties(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"payload", 1, props=MESSAGE)
    watcher.take(1)


@script(5)
def all_properties_of_qos_0_and_2(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"payload", 0, props=MESSAGE)
    c.publish_done(s.topic("x"), b"payload", 2, props=MESSAGE)
    watcher.take(2)


@script(5)
def empty_property_values(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"", 1, props=[(0x03, ""), (0x09, b""), (0x01, 0)])
    watcher.take(1)


@script(5)
def large_property_values(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"x", 1, props=[
        (0x03, "c" * 65535), (0x09, b"d" * 65535), (raw.USER_PROPERTY, ("k" * 65535, "v" * 65535))])
    watcher.take(1)


@script(5)
def many_user_properties(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"x", 1,
                   props=[(raw.USER_PROPERTY, (f"k{n % 7}", str(n))) for n in range(300)])
    watcher.take(1)


@script(5)
def payload_format_that_lies(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"\xff\xfe", 1, props=[(0x01, 1)])
    watcher.drain()


@script()
def longest_topic(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("#"))
    c = s.connect()
    c.publish_done(s.topic("x" * (65535 - len(s.topic("")))), b"x", 1)
    watcher.drain()


@script()
def topic_with_two_hundred_levels(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("#"))
    c = s.connect()
    c.publish_done(s.topic("a/" * 199 + "b"), b"x", 1)
    watcher.drain()


@script()
def topic_with_too_many_levels(s):
    c = s.connect()
    c.publish_done(s.topic("a/" * 300 + "b"), b"x", 1)
    c.drain()


@script()
def topics_with_odd_levels(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("#"))
    c = s.connect()
    for name in ("/", "//", "a//b", "a/", " ", "ä/\U0001F30D", "$inner", "$share/a/b"):
        c.publish_done(s.topic(name), b"x", 1)
    watcher.take(8)


@script()
def topic_that_starts_with_a_slash(s):
    watcher = s.connect("watcher")
    watcher.subscribe("/" + s.topic("+"))
    c = s.connect()
    c.publish_done("/" + s.topic("x"), b"x", 1)
    watcher.drain()


@script()
def dollar_topics(s):
    watcher = s.connect("watcher")
    watcher.subscribe("$own/" + s.topic("x"))
    c = s.connect()
    c.publish_done("$own/" + s.topic("x"), b"x", 1)
    c.drain()
    watcher.drain()


@script()
def to_the_brokers_own_topics(s):
    c = s.connect()
    c.publish_done("$SYS/mine", b"x", 1)
    c.drain()


@script()
def payload_of_one_megabyte(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), bytes(range(256)) * 4096, 1)
    watcher.take(1)


@script()
def payload_of_nine_megabytes(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), bytes(range(256)) * 36864, 2)
    watcher.take(1)


@script()
def sizes_around_the_length_limits(s):
    watcher, c = pair(s, qos=0)
    for size in (0, 1, 100, 117, 127, 128, 16370, 16383, 16384, 65535, 65536, 2097140, 2097152):
        c.publish_done(s.topic("x"), b"z" * size, 0)
    watcher.take(13)


@script()
def forbidden_topic(s):
    watcher = s.connect("watcher")
    watcher.subscribe("denied/#", s.topic("end"))
    c = s.connect()
    for qos in (0, 1, 2):
        c.publish_done("denied/x", b"x", qos)
    c.publish_done(s.topic("end"), b"end", 1)
    watcher.drain()
    c.drain()


@script()
def topic_that_may_only_be_read(s):
    c = s.connect()
    c.subscribe("readonly/#")
    c.publish_done("readonly/" + s.topic("x"), b"x", 1)
    c.publish_done("readonly/" + s.topic("x"), b"x", 2)
    c.drain()


@script(5)
def answered_no_matching_subscribers(s):
    c = s.connect()
    c.publish_done(s.topic("nobody"), b"x", 1)
    c.publish_done(s.topic("nobody"), b"x", 2)
    c.subscribe(s.topic("somebody"))
    c.publish_done(s.topic("somebody"), b"x", 1)
    c.drain()


@script(5)
def topic_alias(s):
    watcher, c = pair(s, topic="#")
    c.publish_done(s.topic("one"), b"1", 1, props=[(ALIAS, 1)])
    c.publish_done("", b"2", 1, props=[(ALIAS, 1)])
    c.publish_done(s.topic("two"), b"3", 1, props=[(ALIAS, 1)])
    c.publish_done("", b"4", 0, props=[(ALIAS, 1)])
    c.publish_done("", b"5", 2, props=[(ALIAS, 1)])
    watcher.take(5)


@script(5)
def several_topic_aliases(s):
    watcher, c = pair(s, topic="#", qos=1)
    for n in range(1, 6):
        c.publish_done(s.topic(f"t{n}"), b"set", 1, props=[(ALIAS, n)])
    for n in range(5, 0, -1):
        c.publish_done("", str(n), 1, props=[(ALIAS, n)])
    watcher.take(10)


@script(5)
def topic_alias_is_forgotten_with_the_connection(s):
    c = s.connect(**s.kept())
    c.publish_done(s.topic("x"), b"1", 1, props=[(ALIAS, 1)])
    c.disconnect()
    again = s.connect(**s.kept())
    again.publish("", b"2", 1, props=[(ALIAS, 1)])
    again.end()


@script(5)
def topic_alias_unknown(s):
    c = s.connect()
    c.publish("", b"x", 1, props=[(ALIAS, 3)])
    c.end()


@script(5)
def topic_alias_0(s):
    c = s.connect()
    c.publish(s.topic("x"), b"x", 1, props=[(ALIAS, 0)])
    c.end()


@script(5)
def topic_alias_too_large(s):
    c = s.connect()
    c.publish(s.topic("x"), b"x", 1, props=[(ALIAS, 65535)])
    c.end()


@script(5)
def aliases_towards_the_client(s):
    watcher, c = pair(s, props=[(0x22, 10)])
    for n in range(3):
        c.publish_done(s.topic("x"), str(n), 1)
    got = watcher.take(3)
    s.note([p.topic != "" or p.property(ALIAS) is not None for p in got])


@script(5)
def message_expires(s):
    c = s.connect("sub", **s.kept())
    c.subscribe(s.topic("x"))
    c.disconnect()
    other = s.connect()
    other.publish_done(s.topic("x"), b"short", 1, props=[(0x02, 1)])
    other.publish_done(s.topic("x"), b"long", 1, props=[(0x02, 100)])
    other.publish_done(s.topic("x"), b"for ever", 1)
    time.sleep(2.5)
    s.connect("sub", **s.kept()).drain()


@script(5)
def message_expiry_0_and_largest(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"largest", 1, props=[(0x02, 0xFFFFFFF0)])
    watcher.drain()


@script(5)
def larger_than_the_receivers_maximum_packet_size(s):
    watcher, c = pair(s, props=[(raw.MAXIMUM_PACKET_SIZE, 100)])
    for qos in (0, 1, 2):
        c.publish_done(s.topic("x"), b"y" * 200, qos)
        c.publish_done(s.topic("x"), b"fits", qos)
    watcher.take(3)
    watcher.drain()


@script(5)
def exactly_the_receivers_maximum_packet_size(s):
    size = 2 + 2 + len(s.topic("x")) + 2 + 1 + 50
    watcher, c = pair(s, props=[(raw.MAXIMUM_PACKET_SIZE, size)])
    c.publish_done(s.topic("x"), b"y" * 53, 1)  # Mosquitto 2.0.11 counts some bytes less
    c.publish_done(s.topic("x"), b"z" * 50, 1)
    watcher.take(1)
    watcher.drain()


@script(5)
def request_and_response(s):
    server, client = s.connect("server"), s.connect("client")
    server.subscribe(s.topic("requests"))
    client.subscribe(s.topic("answers"))
    client.publish_done(s.topic("requests"), b"question", 1,
                        props=[(0x08, s.topic("answers")), (0x09, b"42")])
    for request in server.take(1):
        server.publish_done(request.property(0x08), b"answer", 1,
                            props=[(0x09, request.property(0x09))])
    client.take(1)


@script()
def dup_is_not_passed_on(s):
    watcher, c = pair(s)
    c.publish_done(s.topic("x"), b"x", 1, dup=1)
    watcher.take(1)


@script()
def many_in_a_row(s):
    watcher, c = pair(s, qos=1)
    for n in range(0, 200, 10):
        for k in range(10):
            c.publish(s.topic("x"), str(n + k), 1)
        for k in range(10):
            c.until(raw.PUBACK)
    watcher.take(200)
    watcher.drain()


@script()
def mixed_qos_keeps_order_within_each(s):
    watcher, c = pair(s)
    for n in range(10):
        c.publish_done(s.topic("x"), f"one {n}", 1)
        c.publish_done(s.topic("x"), f"two {n}", 2)
    watcher.take(20)
    watcher.drain()
