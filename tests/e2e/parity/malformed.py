"""What a client may not do, and how it is told."""

import struct

import raw
from parity.stage import script


def says(s, data, **options):
    """One connection that says `data`, and what it gets to hear."""
    c = s.connect(**options)
    c.send(data)
    c.end()


def opens_with(s, data):
    c = s.open()
    c.send(data)
    c.end()


@script(differs=("says-why",))
def second_connect(s):
    c = s.connect()
    c.send_connect(s.name("a"))
    c.end()


@script()
def first_packet_is_not_connect(s):
    opens_with(s, raw.packet(raw.PINGREQ, b""))


@script()
def first_packet_is_publish(s):
    opens_with(s, raw.packet(raw.PUBLISH, raw.binary("x") + b"y"))


@script()
def not_mqtt_at_all(s):
    opens_with(s, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


def connect_with(s, **options):
    c = s.open()
    c.send_connect(s.name("a"), **options)
    c.end()


@script()
def unknown_protocol_level(s):
    connect_with(s, level=6)


@script()
def unknown_protocol_name(s):
    connect_with(s, name="MQTX")


@script()
def empty_protocol_name(s):
    connect_with(s, name="")


@script()
def reserved_connect_flag(s):
    connect_with(s, flags=0x03)


@script()
def will_qos_3(s):
    connect_with(s, flags=0x02 | 0x04 | 0x18, will={"topic": "w"})


@script()
def will_qos_without_will(s):
    connect_with(s, flags=0x02 | 0x08)


@script()
def will_retain_without_will(s):
    connect_with(s, flags=0x02 | 0x20)


@script()
def will_flag_without_will(s):
    connect_with(s, flags=0x02 | 0x04)


@script()
def will_topic_with_wildcard(s):
    connect_with(s, will={"topic": "a/#"})


@script()
def will_topic_empty(s):
    connect_with(s, will={"topic": ""})


@script()
def user_name_flag_without_user_name(s):
    connect_with(s, flags=0x82)


@script()
def bytes_behind_connect_payload(s):
    connect_with(s, tail=b"xyz")


@script()
def connect_with_bad_utf8(s):
    c = s.open()
    c.send_connect(b"\xff\xfe")
    c.end()


@script()
def connect_cut_short(s):
    opens_with(s, raw.packet(raw.CONNECT, raw.binary("MQTT") + bytes([s.version])))


@script()
def connect_with_reserved_header_flags(s):
    opens_with(s, raw.packet(raw.CONNECT, raw.binary("MQTT") + bytes([s.version, 2]) +
                             b"\x00\x3c" + (b"\x00" if s.v5 else b"") + raw.binary("x"), 1))


def connect_props(s, *props):
    connect_with(s, props=props)


@script(5)
def connect_property_twice(s):
    connect_props(s, (raw.SESSION_EXPIRY, 1), (raw.SESSION_EXPIRY, 2))


@script(5)
def connect_receive_maximum_0(s):
    connect_props(s, (raw.RECEIVE_MAXIMUM, 0))


@script(5)
def connect_maximum_packet_size_0(s):
    connect_props(s, (raw.MAXIMUM_PACKET_SIZE, 0))


@script(5)
def connect_request_problem_information_2(s):
    connect_props(s, (0x17, 2))


@script(5)
def connect_property_that_belongs_elsewhere(s):
    connect_props(s, (0x23, 1))


@script(5, differs=("strict",))
def connect_auth_data_without_method(s):
    connect_props(s, (0x16, b"x"))


@script(differs=("says-why",))
def remaining_length_of_five_bytes(s):
    says(s, b"\x30\xff\xff\xff\xff\x01")


@script()
def packet_type_0(s):
    says(s, b"\x00\x00")


@script(4)
def packet_type_15_in_311(s):
    says(s, b"\xf0\x00")


@script(differs=("strict",))
def packets_that_only_servers_send(s):
    for n, kind in enumerate((raw.CONNACK, raw.SUBACK, raw.UNSUBACK, raw.PINGRESP)):
        c = s.connect(f"k{n}")
        c.send(raw.packet(kind, b"" if kind == raw.PINGRESP else b"\x00\x01\x00\x00"))
        c.end()


@script()
def publish_qos_3(s):
    says(s, raw.packet(raw.PUBLISH, raw.binary("x") + b"\x00\x01\x00y", 6))


@script(differs=("strict",))
def publish_qos_0_with_dup(s):
    says(s, raw.packet(raw.PUBLISH, raw.binary("x") + b"\x00", 8))


@script()
def publish_to_a_wildcard(s):
    for n, topic in enumerate(("a/+", "a/#", "#")):
        c = s.connect(f"w{n}")
        c.publish(s.topic(topic), b"x", 1)
        c.end()


@script()
def publish_to_an_empty_topic(s):
    c = s.connect()
    c.publish("", b"x", 1)
    c.end()


@script()
def publish_with_packet_id_0(s):
    c = s.connect()
    c.send(raw.packet(raw.PUBLISH, raw.binary(s.topic("x")) + b"\x00\x00" +
                      (b"\x00" if s.v5 else b"") + b"y", 2))
    c.end()


@script()
def publish_with_bad_utf8(s):
    for n, topic in enumerate((b"\xff\xfe", b"a\xc0\x80", b"\xed\xa0\x80")):
        c = s.connect(f"u{n}")
        c.send(raw.packet(raw.PUBLISH, raw.binary(topic) + (b"\x00" if s.v5 else b"") + b"x"))
        c.end()


@script()
def publish_with_null_in_topic(s):
    says(s, raw.packet(raw.PUBLISH, raw.binary("a\0b") + (b"\x00" if s.v5 else b"") + b"x"))


@script()
def publish_cut_short(s):
    says(s, raw.packet(raw.PUBLISH, b"\x00\x09abc", 2))


@script()
def publish_with_nothing(s):
    says(s, raw.packet(raw.PUBLISH, b"", 0))


def publish_props(s, props):
    """A PUBLISH of QoS 1 with raw property bytes."""
    says(s, raw.packet(raw.PUBLISH, raw.binary(s.topic("x")) + b"\x00\x01" +
                       raw.variable(len(props)) + props + b"payload", 2))


@script(5, differs=("says-why",))
def publish_property_twice(s):
    publish_props(s, raw.one_property(0x01, 1) * 2)


@script(5)
def publish_property_unknown(s):
    publish_props(s, b"\x7f\x00")


@script(5)
def publish_property_that_belongs_elsewhere(s):
    publish_props(s, raw.one_property(raw.RECEIVE_MAXIMUM, 5))


@script(5, differs=("strict",))
def publish_payload_format_2(s):
    publish_props(s, raw.one_property(0x01, 2))


@script(5, differs=("strict",))
def publish_subscription_identifier_from_a_client(s):
    publish_props(s, raw.one_property(raw.SUBSCRIPTION_ID, 5))


@script(5, differs=("strict",))
def publish_response_topic_with_wildcard(s):
    publish_props(s, raw.one_property(0x08, "a/#"))


@script(5)
def publish_properties_longer_than_the_packet(s):
    says(s, raw.packet(raw.PUBLISH, raw.binary("x") + b"\x00\x01\x70\x01\x01", 2))


@script()
def subscribe_without_filters(s):
    says(s, raw.packet(raw.SUBSCRIBE, b"\x00\x01" + (b"\x00" if s.v5 else b""), 2))


@script()
def subscribe_with_packet_id_0(s):
    says(s, raw.packet(raw.SUBSCRIBE, b"\x00\x00" + (b"\x00" if s.v5 else b"") +
                       raw.binary("x") + b"\x00", 2))


@script()
def subscribe_with_wrong_header_flags(s):
    says(s, raw.packet(raw.SUBSCRIBE, b"\x00\x01" + (b"\x00" if s.v5 else b"") +
                       raw.binary("x") + b"\x00", 0))


@script()
def subscribe_with_qos_3(s):
    c = s.connect()
    c.send_subscribe((s.topic("x"), 3))
    c.end()


@script()
def subscribe_with_reserved_options(s):
    c = s.connect()
    c.send_subscribe((s.topic("x"), 0x80))
    c.end()


@script(5)
def subscribe_with_retain_handling_3(s):
    c = s.connect()
    c.send_subscribe((s.topic("x"), 0x30))
    c.end()


@script(5)
def subscribe_with_identifier_0(s):
    c = s.connect()
    c.send_subscribe(s.topic("x"), props=[(raw.SUBSCRIPTION_ID, 0)])
    c.end()


@script(5, differs=("says-why",))
def subscribe_with_two_identifiers(s):
    c = s.connect()
    c.send_subscribe(s.topic("x"), props=[(raw.SUBSCRIPTION_ID, 1), (raw.SUBSCRIPTION_ID, 2)])
    c.end()


@script()
def subscribe_with_bad_utf8(s):
    says(s, raw.packet(raw.SUBSCRIBE, b"\x00\x01" + (b"\x00" if s.v5 else b"") +
                       raw.binary(b"\xff\xfe") + b"\x00", 2))


@script()
def unsubscribe_without_filters(s):
    says(s, raw.packet(raw.UNSUBSCRIBE, b"\x00\x01" + (b"\x00" if s.v5 else b""), 2))


@script()
def unsubscribe_with_packet_id_0(s):
    says(s, raw.packet(raw.UNSUBSCRIBE, b"\x00\x00" + (b"\x00" if s.v5 else b"") +
                       raw.binary("x"), 2))


@script()
def unsubscribe_with_wrong_header_flags(s):
    says(s, raw.packet(raw.UNSUBSCRIBE, b"\x00\x01" + (b"\x00" if s.v5 else b"") +
                       raw.binary("x"), 0))


@script(differs=("says-why",))
def pubrel_with_wrong_header_flags(s):
    says(s, raw.packet(raw.PUBREL, b"\x00\x01", 0))


@script(differs=("strict",))
def acknowledgements_with_wrong_header_flags(s):
    for kind in (raw.PUBACK, raw.PUBREC, raw.PUBCOMP):
        c = s.connect(f"k{kind}")
        c.send(raw.packet(kind, b"\x00\x01", 2))
        c.end()


@script(differs=("says-why",))
def acknowledgements_with_packet_id_0(s):
    for kind in (raw.PUBACK, raw.PUBREC, raw.PUBREL, raw.PUBCOMP):
        c = s.connect(f"k{kind}")
        c.send(raw.packet(kind, b"\x00\x00", 2 if kind == raw.PUBREL else 0))
        c.end()


@script(differs=("says-why",))
def acknowledgements_cut_short(s):
    for kind in (raw.PUBACK, raw.PUBREC, raw.PUBREL, raw.PUBCOMP):
        c = s.connect(f"k{kind}")
        c.send(raw.packet(kind, b"\x00", 2 if kind == raw.PUBREL else 0))
        c.end()


@script(5, differs=("strict",))
def acknowledgements_with_unknown_reasons(s):
    for kind in (raw.PUBACK, raw.PUBREC, raw.PUBREL, raw.PUBCOMP):
        c = s.connect(f"k{kind}")
        c.send(raw.packet(kind, b"\x00\x01\x7f", 2 if kind == raw.PUBREL else 0))
        c.end()


@script(differs=("strict",))
def pingreq_with_wrong_header_flags(s):
    says(s, raw.packet(raw.PINGREQ, b"", 1))


@script(differs=("strict",))
def pingreq_with_a_body(s):
    says(s, raw.packet(raw.PINGREQ, b"x"))


@script(differs=("says-why",))
def disconnect_with_wrong_header_flags(s):
    says(s, raw.packet(raw.DISCONNECT, b"", 1))


@script(4)
def disconnect_with_a_body_in_311(s):
    says(s, raw.packet(raw.DISCONNECT, b"\x00"))


@script(5, differs=("says-why",))
def disconnect_with_unknown_reason(s):
    says(s, raw.packet(raw.DISCONNECT, b"\x7f"))


@script(5, differs=("says-why",))
def auth_without_method(s):
    says(s, raw.packet(raw.AUTH, b"\x18" + raw.properties([(0x15, "x")])))


@script()
def nothing_more_is_handled_behind_an_error(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"))
    c = s.connect()
    c.send(b"\x00\x00" + raw.packet(raw.PUBLISH, raw.binary(s.topic("x")) +
                                    (b"\x00" if s.v5 else b"") + b"late"))
    c.end()
    watcher.drain()


@script()
def what_came_before_an_error_is_handled(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("x"))
    c = s.connect()
    c.send(raw.packet(raw.PUBLISH, raw.binary(s.topic("x")) + (b"\x00" if s.v5 else b"") +
                      b"early") + struct.pack(">H", 0))
    c.end()
    watcher.drain()
