"""CONNECT and CONNACK: what is granted, and who is refused how."""

import raw
from parity.stage import script

USER, PASSWORD = "user", "right"  # as in parity/brokers.py


@script()
def accepted(s):
    s.connect().disconnect()


@script()
def empty_client_id(s):
    s.connect(client_id="").disconnect()


@script(4)
def empty_client_id_without_clean_session(s):
    s.connect(client_id="", clean=False).end()


@script(5)
def empty_client_id_without_clean_start(s):
    s.connect(client_id="", clean=False).disconnect()


@script(5)
def empty_client_id_with_kept_session(s):
    s.connect(client_id="", props=[(raw.SESSION_EXPIRY, 60)]).disconnect()


@script()
def long_client_id(s):
    s.connect(client_id=s.name("x" * 200)).disconnect()


@script()
def client_id_with_spaces_and_unicode(s):
    s.connect(client_id=s.name(" ä/#+ \U0001F30D")).disconnect()


@script()
def right_password(s):
    s.connect(username=USER, password=PASSWORD).disconnect()


@script()
def wrong_password(s):
    s.connect(username=USER, password="wrong").end()


@script()
def unknown_user(s):
    s.connect(username="nobody", password="x").end()


@script()
def user_name_without_password(s):
    s.connect(username=USER).end()


@script()
def empty_user_name_and_password(s):
    s.connect(username="", password="").end()


@script()
def wrong_password_with_will(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("will"))
    s.connect(username=USER, password="wrong", will={"topic": s.topic("will")}).end()
    watcher.drain()


@script(4)
def password_without_user_name(s):
    s.connect(password="x").end()


@script(5)
def password_alone(s):
    s.connect(password="x").end()


@script()
def binary_password(s):
    s.connect(username=USER, password=b"\x00\xff\x80").end()


@script()
def keep_alive_0(s):
    s.connect(keep_alive_s=0).disconnect()


@script()
def keep_alive_longest(s):
    s.connect(keep_alive_s=65535).disconnect()


@script(5)
def session_expiry_never(s):
    s.connect(props=[(raw.SESSION_EXPIRY, 0xFFFFFFFF)]).disconnect(0, [(raw.SESSION_EXPIRY, 0)])


@script(5)
def session_expiry_0(s):
    s.connect(props=[(raw.SESSION_EXPIRY, 0)]).disconnect()


@script(5)
def receive_maximum_1_and_all_properties(s):
    s.connect(props=[(raw.SESSION_EXPIRY, 10), (raw.RECEIVE_MAXIMUM, 1),
                     (raw.MAXIMUM_PACKET_SIZE, 1000), (0x22, 5), (0x19, 1), (0x17, 1),
                     (raw.USER_PROPERTY, ("a", "1")), (raw.USER_PROPERTY, ("a", "2"))]
              ).disconnect()


@script(5)
def request_problem_information_0(s):
    c = s.connect(props=[(0x17, 0)])
    c.publish_done(s.topic("x"))
    c.disconnect()


@script(5)
def request_response_information(s):
    s.connect(props=[(0x19, 1)]).disconnect()


@script(5, differs=("auth",))
def authentication_method(s):
    s.connect(props=[(0x15, "SCRAM-SHA-1"), (0x16, b"data")]).end()


@script(5, differs=("auth",))
def authentication_method_without_data(s):
    s.connect(props=[(0x15, "nothing")]).end()


@script()
def will_with_everything(s):
    c = s.connect(will={"topic": s.topic("will"), "payload": b"p", "qos": 2, "retain": 1,
                        "props": [(0x18, 5), (0x01, 1), (0x02, 60), (0x03, "t"), (0x08, "r"),
                                  (0x09, b"c"), (raw.USER_PROPERTY, ("k", "v"))]})
    c.disconnect()


@script()
def will_to_a_forbidden_topic(s):
    watcher = s.connect("watcher")
    watcher.subscribe("denied/#")
    c = s.connect(will={"topic": "denied/will", "payload": b"p"})
    c.drain()
    c.vanish()
    watcher.drain()


@script()
def will_with_empty_payload(s):
    watcher = s.connect("watcher")
    watcher.subscribe(s.topic("will"))
    s.connect(will={"topic": s.topic("will")}).vanish()
    watcher.take(1)


@script()
def packets_right_behind_connect(s):
    c = s.open()
    c.send_connect(s.name("a"))
    c.send_subscribe(s.topic("x"))
    c.publish(s.topic("x"), b"early", 1)
    c.send(raw.packet(raw.PINGREQ, b""))
    c.drain()
    c.disconnect()


@script()
def a_ping(s):
    c = s.connect()
    for _ in range(3):
        c.send(raw.packet(raw.PINGREQ, b""))
        c.read()
    c.disconnect()


@script()
def bytes_one_by_one(s):
    c = s.open()
    sent = []
    c.send = sent.append
    c.send_connect(s.name("a"))
    c.send_subscribe(s.topic("x"))
    c.publish(s.topic("x"), b"slowly", 1)
    del c.send
    for byte in b"".join(sent):
        c.send(bytes([byte]))
    c.drain()


@script()
def many_connections_of_one_script(s):
    clients = [s.connect(f"m{n}") for n in range(10)]
    for n, client in enumerate(clients):
        client.subscribe(s.topic(f"{n}"))
    for n, client in enumerate(clients):
        client.publish_done(s.topic(f"{(n + 1) % 10}"), str(n))
    for client in clients:
        client.drain()


@script(4)
def two_versions_meet(s):
    old, new = s.connect("old"), s.connect("new", version=5)
    for client in (old, new):
        client.subscribe(s.topic("both"), qos=2)
    old.publish_done(s.topic("both"), b"from 3.1.1", 2)
    new.publish_done(s.topic("both"), b"from 5.0", 2, props=[(0x03, "t"), (0x01, 1)])
    old.drain()
    new.drain()
