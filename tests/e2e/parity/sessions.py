"""Sessions that outlive their connections: what is there afterwards, and for how long."""

import time

import raw
from parity.stage import script


def other_publishes(s, topic, *payloads, qos=1, **options):
    other = s.connect("other")
    for payload in payloads:
        other.publish_done(topic, payload, qos, **options)
    other.disconnect()


@script()
def session_present_and_clean_start(s):
    s.connect(**s.kept()).disconnect()
    s.connect(**s.kept()).disconnect()
    s.connect(clean=True).disconnect()
    s.connect(**s.kept()).disconnect()


@script()
def clean_session_forgets_subscriptions(s):
    c = s.connect()
    c.subscribe(s.topic("x"))
    c.disconnect()
    again = s.connect()
    other_publishes(s, s.topic("x"), b"nobody")
    again.drain()


@script()
def messages_wait(s):
    for qos in (0, 1, 2):
        c = s.connect(f"q{qos}", **s.kept())
        c.subscribe(s.topic("x"), qos=qos)
        c.disconnect()
    other_publishes(s, s.topic("x"), b"1", b"2", b"3", qos=2)
    for qos in (0, 1, 2):
        s.connect(f"q{qos}", **s.kept()).drain()


@script()
def order_of_waiting_messages(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("#"), qos=1)
    c.vanish()
    other_publishes(s, s.topic("x"), *(str(n) for n in range(15)))
    s.connect(**s.kept()).drain()


@script()
def resumed_while_more_comes(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("#"), qos=1)
    c.disconnect()
    other_publishes(s, s.topic("x"), b"1", b"2")
    again = s.connect(**s.kept())
    other_publishes(s, s.topic("x"), b"3", b"4")
    again.take(4)
    again.drain()


@script()
def unacknowledged_qos_1_comes_again_with_dup(s):
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    c.subscribe(s.topic("x"), qos=1)
    other_publishes(s, s.topic("x"), b"1", b"2", b"3")
    got = c.take(3)
    c.acknowledge(got[0])
    c.drain()
    c.vanish()
    s.connect(**s.kept()).drain()


@script()
def acknowledged_out_of_order_then_resumed(s):
    c = s.connect(**s.kept())
    c.auto_acknowledge = False
    c.subscribe(s.topic("x"), qos=1)
    other_publishes(s, s.topic("x"), b"1", b"2", b"3")
    got = c.take(3)
    c.acknowledge(got[1])
    c.drain()
    c.vanish()
    s.connect(**s.kept()).drain()


@script()
def nothing_lost_over_several_breaks(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("x"), qos=1)
    other_publishes(s, s.topic("x"), b"1", b"2", b"3")
    for _ in range(3):
        c.vanish()
        c = s.connect(**s.kept())
        c.auto_acknowledge = False
        first = c.take(3)
        if first:
            c.acknowledge(first[0])
        c.drain()


@script()
def unsubscribed_while_messages_wait(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("x"), qos=1)
    c.disconnect()
    other_publishes(s, s.topic("x"), b"1")
    again = s.connect(**s.kept())
    again.unsubscribe(s.topic("x"))
    again.drain()
    other_publishes(s, s.topic("x"), b"2")
    again.drain()


@script(5)
def session_expires(s):
    c = s.connect(**s.kept(1))
    c.subscribe(s.topic("x"))
    c.disconnect()
    time.sleep(3)
    s.connect(**s.kept()).disconnect()


@script(5)
def expiry_set_at_disconnect(s):
    c = s.connect(**s.kept(3600))
    c.subscribe(s.topic("x"))
    c.disconnect(0, [(raw.SESSION_EXPIRY, 0)])
    s.connect(**s.kept()).disconnect()


@script(5)
def expiry_prolonged_at_disconnect(s):
    c = s.connect(**s.kept(1))
    c.subscribe(s.topic("x"))
    c.disconnect(0, [(raw.SESSION_EXPIRY, 3600)])
    time.sleep(3)
    again = s.connect(clean=False)
    other_publishes(s, s.topic("x"), b"still subscribed")
    again.drain()


@script(5)
def expiry_from_0_at_disconnect(s):
    s.connect().disconnect(0, [(raw.SESSION_EXPIRY, 60)])
    s.connect(clean=False).disconnect()


@script(5)
def resumed_without_expiry_ends_with_its_connection(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("x"))
    c.disconnect()
    s.connect(clean=False).disconnect()
    s.connect(clean=False).disconnect()


@script(5)
def clean_start_with_expiry_is_kept(s):
    c = s.connect(clean=True, props=[(raw.SESSION_EXPIRY, 3600)])
    c.subscribe(s.topic("x"))
    c.vanish()
    other_publishes(s, s.topic("x"), b"1")
    s.connect(clean=False, props=[(raw.SESSION_EXPIRY, 3600)]).drain()


@script(differs=("says-why",))
def taken_over(s):
    first = s.connect()
    second = s.connect()
    first.end()
    second.subscribe(s.topic("x"))
    second.publish_done(s.topic("x"), b"mine")
    second.drain()


@script(differs=("says-why",))
def taken_over_and_resumed(s):
    first = s.connect(**s.kept())
    first.auto_acknowledge = False
    first.subscribe(s.topic("x"))
    other_publishes(s, s.topic("x"), b"1", b"2")
    first.take(2)
    second = s.connect(**s.kept())
    first.end()
    second.drain()


@script(differs=("says-why",))
def taken_over_with_clean_start(s):
    first = s.connect(**s.kept())
    first.subscribe(s.topic("x"))
    second = s.connect(clean=True)
    first.end()
    other_publishes(s, s.topic("x"), b"1")
    second.drain()


@script(differs=("says-why",))
def taken_over_with_will(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("will"))
    first = s.connect(will={"topic": s.topic("will"), "payload": b"gone"})
    second = s.connect()
    first.end()
    watcher.drain()
    second.disconnect()
    watcher.drain()


@script(differs=("says-why",))
def taken_over_by_another_version(s):
    first = s.connect()
    second = s.connect(version=9 - s.version)
    first.end()
    second.disconnect()


@script(4)
def session_of_one_version_resumed_by_the_other(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("x"))
    c.disconnect()
    again = s.connect(version=5, clean=False, props=[(raw.SESSION_EXPIRY, 60)])
    other_publishes(s, s.topic("x"), b"1")
    again.drain()


@script(5, differs=("receive-maximum",))
def receive_maximum_is_kept_to(s):
    c = s.connect(props=[(raw.RECEIVE_MAXIMUM, 2)])
    c.auto_acknowledge = False
    c.subscribe(s.topic("x"), qos=1)
    other_publishes(s, s.topic("x"), b"1", b"2", b"3", b"4")
    got = c.take(2)
    c.drain()
    c.acknowledge(got[0])
    c.drain()


@script(5)
def receive_maximum_and_qos_2(s):
    c = s.connect(props=[(raw.RECEIVE_MAXIMUM, 1)])
    c.subscribe(s.topic("x"), qos=2)
    other_publishes(s, s.topic("x"), b"1", b"2", b"3", qos=2)
    c.take(3)
    c.drain()


@script(5)
def receive_maximum_does_not_hold_qos_0(s):
    c = s.connect(props=[(raw.RECEIVE_MAXIMUM, 1)])
    c.auto_acknowledge = False
    c.subscribe(s.topic("q1"), qos=1)
    c.subscribe(s.topic("q0"), qos=0)
    other_publishes(s, s.topic("q1"), b"1", b"2")
    other_publishes(s, s.topic("q0"), b"3", b"4")
    c.take(3)
    c.drain()


@script(5)
def expired_while_away(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("x"), qos=1)
    c.disconnect()
    other_publishes(s, s.topic("x"), b"short", props=[(0x02, 1)])
    other_publishes(s, s.topic("x"), b"long", props=[(0x02, 1000)])
    time.sleep(3)
    s.connect(**s.kept()).drain()


@script()
def subscribed_again_in_a_kept_session(s):
    c = s.connect(**s.kept())
    c.subscribe(s.topic("x"), qos=0)
    c.disconnect()
    again = s.connect(**s.kept())
    again.subscribe(s.topic("x"), qos=2)
    other_publishes(s, s.topic("x"), b"1", qos=2)
    again.drain()
