"""SUBSCRIBE and UNSUBSCRIBE: what is granted, what arrives, and how often."""

import raw
from parity.stage import script

NO_LOCAL, AS_PUBLISHED = 0x04, 0x08
SUBSCRIPTION_ID = raw.SUBSCRIPTION_ID


def publish(s, *topics, qos=1, name="other", **options):
    other = s.connect(name)
    for topic in topics:
        other.publish_done(s.topic(topic), topic.encode(), qos, **options)
    other.disconnect()


@script()
def reasons_in_order(s):
    c = s.connect()
    c.subscribe((s.topic("a"), 2), (s.topic("b"), 0), (s.topic("c"), 1), (s.topic("d/#"), 2),
                (s.topic("+/e"), 0))
    c.unsubscribe(s.topic("c"), s.topic("never"), s.topic("a"))


@script()
def one_forbidden_among_others(s):
    c = s.connect()
    c.subscribe((s.topic("a"), 1), ("denied/x", 1), (s.topic("b"), 2))
    publish(s, "a", "b")
    c.drain()


@script()
def many_filters_in_one_packet(s):
    c = s.connect()
    c.subscribe(*[(s.topic(f"t{n}/x"), n % 3) for n in range(300)])
    publish(s, "t0/x", "t299/x", "t300/x", qos=2)
    c.drain()
    c.unsubscribe(*[s.topic(f"t{n}/x") for n in range(300)])


@script()
def the_same_filter_twice_in_one_packet(s):
    c = s.connect()
    c.subscribe((s.topic("a"), 0), (s.topic("a"), 2))
    publish(s, "a", qos=2)
    c.drain()


@script()
def subscribed_twice_with_another_qos(s):
    c = s.connect()
    c.subscribe((s.topic("a"), 2))
    c.subscribe((s.topic("a"), 0))
    publish(s, "a", qos=2)
    c.drain()


@script()
def overlapping(s):
    c = s.connect()
    c.subscribe((s.topic("a/#"), 0), (s.topic("a/+"), 1), (s.topic("a/b"), 2))
    publish(s, "a/b", qos=2)
    c.drain()


@script(5)
def overlapping_with_identifiers(s):
    c = s.connect()
    c.subscribe((s.topic("a/#"), 1), props=[(SUBSCRIPTION_ID, 1)])
    c.subscribe((s.topic("a/+"), 1), props=[(SUBSCRIPTION_ID, 268435455)])
    c.subscribe((s.topic("a/b"), 1))
    publish(s, "a/b", qos=1)
    c.drain()


@script(5)
def subscription_identifier_changes(s):
    c = s.connect()
    c.subscribe(s.topic("a"), props=[(SUBSCRIPTION_ID, 5)])
    publish(s, "a")
    c.take(1)
    c.subscribe(s.topic("a"), props=[(SUBSCRIPTION_ID, 6)])
    publish(s, "a")
    c.take(1)
    c.subscribe(s.topic("a"))
    publish(s, "a")
    c.take(1)


@script(5)
def subscription_identifiers_per_packet(s):
    c = s.connect()
    c.subscribe(s.topic("a"), s.topic("b"), props=[(SUBSCRIPTION_ID, 200)])
    publish(s, "a", "b")
    c.drain()


@script(5)
def subscription_identifier_of_a_kept_session(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("a"), props=[(SUBSCRIPTION_ID, 99)])
    c.disconnect()
    publish(s, "a")
    s.connect(**s.kept()).drain()


@script(5)
def subscribe_with_user_properties(s):
    c = s.connect()
    c.subscribe(s.topic("a"), props=[(raw.USER_PROPERTY, ("k", "v"))])
    c.unsubscribe(s.topic("a"), props=[(raw.USER_PROPERTY, ("k", "v"))])


@script(5)
def no_local(s):
    c = s.connect()
    c.subscribe((s.topic("a"), 1 | NO_LOCAL), (s.topic("b"), 1))
    c.publish_done(s.topic("a"), b"mine", 1)
    c.publish_done(s.topic("b"), b"mine as well", 1)
    publish(s, "a")
    c.drain()


@script(5)
def no_local_and_retained(s):
    c = s.connect()
    c.publish_done(s.topic("a"), b"kept", 1, retain=1)
    c.subscribe((s.topic("a"), 1 | NO_LOCAL))
    c.drain()


@script(5)
def no_local_belongs_to_the_client_id(s):
    c = s.connect(**s.kept())
    c.subscribe((s.topic("a"), 1 | NO_LOCAL))
    c.disconnect()
    again = s.connect(**s.kept())
    again.publish_done(s.topic("a"), b"mine", 1)
    publish(s, "a")
    again.drain()


@script()
def unsubscribed(s):
    c = s.connect()
    c.subscribe(s.topic("a"), s.topic("b"))
    c.unsubscribe(s.topic("a"))
    publish(s, "a", "b")
    c.drain()


@script()
def unsubscribe_what_never_was(s):
    c = s.connect()
    c.unsubscribe(s.topic("never"))
    c.unsubscribe(s.topic("never"), s.topic("+/never"), s.topic("#"))


@script()
def wildcards(s):
    for n, one in enumerate(("#", "+", "+/+", "a/#", "a/+", "+/b", "a/+/c", "/+", "+/", "a//b")):
        c = s.connect(f"w{n}")
        c.subscribe(s.topic(one))
    publish(s, "a", "a/b", "a/b/c", "b", "/b", "a/", "a//b", "/")
    for connection in s.connections[:10]:
        connection.drain()


@script()
def hash_also_means_the_parent(s):
    c = s.connect()
    c.subscribe(s.topic("a/#"))
    publish(s, "a", "a/b", "ab")
    c.drain()


@script()
def filter_of_a_single_hash_sees_no_dollar_topics(s):
    c = s.connect()
    c.subscribe("+/" + s.topic("x"))
    other = s.connect("other")
    other.publish_done("$own/" + s.topic("x"), b"no", 0)
    other.publish_done("own/" + s.topic("x"), b"yes", 1)
    c.drain()


@script(only=("mosquitto",))
def the_brokers_own_topics(s):
    c = s.connect()
    c.subscribe("$SYS/broker/version")
    c.take(1)
    c.drain()


@script()
def longest_filter(s):
    c = s.connect()
    c.subscribe(s.topic("x" * (65535 - len(s.topic("")))))
    c.drain()


@script()
def invalid_filter_hash_in_the_middle(s):
    c = s.connect()
    c.send_subscribe(s.topic("a/#/b"))
    c.end()


@script()
def invalid_filter_plus_in_a_level(s):
    c = s.connect()
    c.send_subscribe(s.topic("a+/b"))
    c.end()


@script()
def invalid_filter_in_unsubscribe(s):
    c = s.connect()
    c.send_unsubscribe(s.topic("a/#/b"))
    c.end()


@script()
def empty_filter(s):
    c = s.connect()
    c.send_subscribe("")
    c.end()


@script(only=("mosquitto",))  # which takes turns; HiveMQ draws lots
def shared(s):
    members = [s.connect(f"m{n}") for n in range(2)]
    for member in members:
        member.subscribe(f"$share/g/{s.topic('a')}")
    publish(s, *["a"] * 10)
    s.note(sum(len(member.take(5)) for member in members))
    for member in members:
        member.drain()


@script()
def shared_and_alone(s):
    c = s.connect()
    c.subscribe(f"$share/g/{s.topic('a')}", s.topic("b"))
    alone = s.connect("alone")
    alone.subscribe(s.topic("a"))
    publish(s, "a", "b")
    c.drain()
    alone.drain()


@script()
def two_share_groups(s):
    for group in "gh":
        s.connect(group).subscribe(f"$share/{group}/{s.topic('a/#')}", qos=2)
    publish(s, "a/1", "a/2", qos=2)
    for member in s.connections[:2]:
        member.drain()


@script()
def shared_ignores_retained(s):
    publish(s, "a", retain=1)
    c = s.connect()
    c.subscribe(f"$share/g/{s.topic('a')}")
    c.drain()


@script()
def shared_and_unsubscribed(s):
    c = s.connect()
    c.subscribe(f"$share/g/{s.topic('a')}")
    c.unsubscribe(f"$share/g/{s.topic('a')}", f"$share/h/{s.topic('a')}")
    publish(s, "a")
    c.drain()


@script(5)
def shared_with_identifier_and_options(s):
    c = s.connect()
    c.subscribe((f"$share/g/{s.topic('a')}", 1 | AS_PUBLISHED), props=[(SUBSCRIPTION_ID, 7)])
    publish(s, "a", retain=1)
    c.drain()


@script(5, differs=("strict",))
def shared_with_no_local(s):
    c = s.connect()
    c.send_subscribe((f"$share/g/{s.topic('a')}", 1 | NO_LOCAL))
    c.end()


@script(differs=("strict",))
def shared_without_a_filter(s):
    c = s.connect()
    c.send_subscribe("$share/g")
    c.end()


@script(differs=("strict",))
def shared_with_an_empty_name(s):
    c = s.connect()
    c.send_subscribe(f"$share//{s.topic('a')}")
    c.end()


@script(differs=("strict",))
def shared_with_a_wildcard_in_its_name(s):
    c = s.connect()
    c.send_subscribe(f"$share/+/{s.topic('a')}")
    c.end()


@script()
def shared_member_leaves_with_unacknowledged(s):
    first = s.connect("m1")
    first.auto_acknowledge = False
    first.subscribe(f"$share/g/{s.topic('a')}")
    publish(s, "a")
    first.take(1)
    first.vanish()
    second = s.connect("m2")
    second.subscribe(f"$share/g/{s.topic('a')}")
    publish(s, "a", name="later")
    second.drain()


@script()
def subscribe_with_an_id_in_use(s):
    c = s.connect()
    c.send_subscribe(s.topic("a"), packet_id=5)
    c.send_subscribe(s.topic("b"), packet_id=5)
    c.until(raw.SUBACK)
    c.until(raw.SUBACK)
    publish(s, "a", "b")
    c.drain()


@script()
def subscribe_and_publish_in_one_burst(s):
    c = s.connect()
    for n in range(20):
        c.send_subscribe(s.topic(f"t{n}"))
        c.publish(s.topic(f"t{n}"), str(n), 0)
    for n in range(20):
        c.until(raw.SUBACK)
    c.drain()
