"""An MQTT client made of bytes, for what stock clients can't say or don't show.

Only as much of MQTT 3.1.1 and 5.0 as the tests need: every packet is sent and read on its own, and
nothing is answered unless the test answers it.
"""

import socket
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP = 8, 9, 10, 11, 12, 13
DISCONNECT, AUTH = 14, 15

# How each property's value is written [MQTT-2.2.2.2].
BYTE, TWO, FOUR, VARIABLE, BINARY, TEXT, PAIR = "B", "H", "I", "v", "b", "s", "p"
PROPERTIES = {
    0x01: BYTE, 0x02: FOUR, 0x03: TEXT, 0x08: TEXT, 0x09: BINARY, 0x0B: VARIABLE, 0x11: FOUR,
    0x12: TEXT, 0x13: TWO, 0x15: TEXT, 0x16: BINARY, 0x17: BYTE, 0x18: FOUR, 0x19: BYTE, 0x1A: TEXT,
    0x1C: TEXT, 0x1F: TEXT, 0x21: TWO, 0x22: TWO, 0x23: TWO, 0x24: BYTE, 0x25: BYTE, 0x26: PAIR,
    0x27: FOUR, 0x28: BYTE, 0x29: BYTE, 0x2A: BYTE}
PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC = 0x01, 0x02, 0x03, 0x08
CORRELATION_DATA, SUBSCRIPTION_ID, SESSION_EXPIRY, REASON_STRING = 0x09, 0x0B, 0x11, 0x1F
RECEIVE_MAXIMUM, USER_PROPERTY, MAXIMUM_PACKET_SIZE = 0x21, 0x26, 0x27


def variable(number):
    out = b""
    while True:
        number, low = divmod(number, 128)
        out += bytes([low | 0x80 if number else low])
        if not number:
            return out


def binary(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def one_property(key, value):
    kind = PROPERTIES[key]
    if kind == VARIABLE:
        return bytes([key]) + variable(value)
    if kind in (TEXT, BINARY):
        return bytes([key]) + binary(value)
    if kind == PAIR:
        return bytes([key]) + binary(value[0]) + binary(value[1])
    return bytes([key]) + struct.pack(">" + kind, value)


def properties(pairs):
    body = b"".join(one_property(key, value) for key, value in pairs)
    return variable(len(body)) + body


def packet(kind, body, flags=0):
    return bytes([kind << 4 | flags]) + variable(len(body)) + body


class Reader:
    """Reads the fields of one packet."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        piece = self.data[self.at:self.at + count]
        if len(piece) != count:
            raise ValueError(f"packet too short: {self.data.hex()}")
        self.at += count
        return piece

    def number(self, kind):
        return struct.unpack(">" + kind, self.take(struct.calcsize(kind)))[0]

    def variable(self):
        value, shift = 0, 0
        while True:
            byte = self.number(BYTE)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def binary(self):
        return self.take(self.number(TWO))

    def properties(self):
        end = self.variable() + self.at
        found = []
        while self.at < end:
            key = self.number(BYTE)
            kind = PROPERTIES[key]
            if kind == VARIABLE:
                value = self.variable()
            elif kind == TEXT:
                value = self.binary().decode()
            elif kind == BINARY:
                value = self.binary()
            elif kind == PAIR:
                value = (self.binary().decode(), self.binary().decode())
            else:
                value = self.number(kind)
            found.append((key, value))
        return found

    def rest(self):
        return self.take(len(self.data) - self.at)


class Packet:
    """A packet as read: kind, flags, and the fields that it has."""

    def __init__(self, kind, flags, body, version):
        self.kind, self.flags, self.body = kind, flags, body
        self.id = self.reason = None
        self.properties, self.reasons = [], []
        reader = Reader(body)
        if kind == PUBLISH:
            self._publish(reader, version)
        elif kind == CONNACK:
            self.session_present = reader.number(BYTE)
            self.reason = reader.number(BYTE)
            # A server that doesn't know the version answers as 3.1.1 does.
            self.properties = reader.properties() if version == 5 and len(body) > 2 else []
        elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            self.id = reader.number(TWO)
            self.reason = reader.number(BYTE) if len(body) > 2 else 0
            self.properties = reader.properties() if len(body) > 3 else []
        elif kind in (SUBACK, UNSUBACK):
            self.id = reader.number(TWO)
            self.properties = reader.properties() if version == 5 else []
            self.reasons = list(reader.rest())
        elif kind in (DISCONNECT, AUTH):
            self.reason = reader.number(BYTE) if body else 0
            self.properties = reader.properties() if len(body) > 1 else []

    def _publish(self, reader, version):
        self.qos, self.retain, self.dup = self.flags >> 1 & 3, self.flags & 1, self.flags >> 3 & 1
        self.topic = reader.binary().decode()
        self.id = reader.number(TWO) if self.qos else None
        self.properties = reader.properties() if version == 5 else []
        self.payload = reader.rest()

    def property(self, key):
        """The first value of a property; None without it."""
        return next((value for k, value in self.properties if k == key), None)

    def user(self, name):
        """The first value of a user property; None without it."""
        return next((v for k, (n, v) in ((k, v) for k, v in self.properties if k == USER_PROPERTY)
                     if n == name), None)

    def __repr__(self):
        return f"<{self.kind} flags {self.flags} {self.body.hex()[:120]}>"


class Closed(Exception):
    """The peer closed the connection."""


class Client:
    """A connection; the version says which dialect its packets are in (4 or 5)."""

    def __init__(self, port, version=5, timeout_s=30):
        self.version = version
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.next_id = 0

    # --- sending ---

    def send(self, data):
        self.socket.sendall(data)

    def _properties(self, pairs):
        return properties(pairs) if self.version == 5 else b""

    def connect(self, client_id="", clean=True, keep_alive_s=0, props=(), will=None,
                username=None):
        """Sends CONNECT and returns the CONNACK. A will is (topic, payload, qos, properties)."""
        flags = 0x02 if clean else 0
        body = binary(client_id)
        if will:
            topic, payload, qos, will_props = will
            flags |= 0x04 | qos << 3
            body += self._properties(will_props) + binary(topic) + binary(payload)
        if username is not None:
            flags |= 0x80
            body += binary(username)
        head = binary("MQTT") + bytes([self.version, flags]) + struct.pack(">H", keep_alive_s)
        self.send(packet(CONNECT, head + self._properties(props) + body))
        return self.expect(CONNACK)

    def new_id(self):
        self.next_id = self.next_id % 65535 + 1
        return self.next_id

    def publish(self, topic, payload=b"", qos=1, retain=0, props=(), packet_id=None, dup=0):
        """Sends PUBLISH and returns its packet identifier, without waiting for an answer."""
        packet_id = packet_id or (self.new_id() if qos else None)
        data = payload.encode() if isinstance(payload, str) else payload
        identifier = struct.pack(">H", packet_id) if qos else b""
        self.send(packet(PUBLISH, binary(topic) + identifier + self._properties(props) + data,
                         dup << 3 | qos << 1 | retain))
        return packet_id

    def publish_and_wait(self, topic, payload=b"", props=()):
        """QoS 1; returns the PUBACK."""
        packet_id = self.publish(topic, payload, 1, props=props)
        answer = self.expect(PUBACK)
        assert answer.id == packet_id, answer
        return answer

    def subscribe(self, *filters, qos=1, props=()):
        """Filters are texts or (text, options byte); returns the reason codes of the SUBACK."""
        return self.subscribe_for_ack(*filters, qos=qos, props=props).reasons

    def subscribe_for_ack(self, *filters, qos=1, props=()):
        packet_id = self.new_id()
        body = b"".join(binary(f) + bytes([qos]) if isinstance(f, str) else
                        binary(f[0]) + bytes([f[1]]) for f in filters)
        head = struct.pack(">H", packet_id) + self._properties(props)
        self.send(packet(SUBSCRIBE, head + body, 2))
        answer = self.expect(SUBACK)
        assert answer.id == packet_id, answer
        return answer

    def unsubscribe(self, *filters):
        packet_id = self.new_id()
        body = b"".join(binary(f) for f in filters)
        head = struct.pack(">H", packet_id) + self._properties(())
        self.send(packet(UNSUBSCRIBE, head + body, 2))
        return self.expect(UNSUBACK).reasons

    def acknowledge(self, publish, reason=0, kind=PUBACK, props=()):
        """PUBACK (or another of the four) for a packet; the reason only where v5 has one."""
        body = struct.pack(">H", publish if isinstance(publish, int) else publish.id)
        if self.version == 5 and (reason or props):
            body += bytes([reason]) + (properties(props) if props else b"")
        self.send(packet(kind, body, 2 if kind == PUBREL else 0))

    def disconnect(self, reason=0):
        body = bytes([reason]) if self.version == 5 and reason else b""
        self.send(packet(DISCONNECT, body))
        self.close()

    def ping(self):
        """Returns once everything sent before was handled; gives packets that came on the way."""
        self.send(packet(PINGREQ, b""))
        came = []
        while True:
            answer = self.read()
            if answer.kind == PINGRESP:
                return came
            came.append(answer)

    # --- reading ---

    def _packet_in_buffer(self):
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self.buffer):
                return None
            byte = self.buffer[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if len(self.buffer) < at + length:
            return None
        first, body = self.buffer[0], self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        return Packet(first >> 4, first & 15, body, self.version)

    def read(self, within_s=None):
        """The next packet. Closed when the peer closes, TimeoutError when nothing comes."""
        if within_s is not None:
            self.socket.settimeout(within_s)
        while True:
            found = self._packet_in_buffer()
            if found:
                return found
            try:
                piece = self.socket.recv(1 << 18)
            except ConnectionError as lost:
                raise Closed from lost
            if not piece:
                raise Closed
            self.buffer += piece

    def expect(self, kind):
        found = self.read()
        assert found.kind == kind, f"expected packet type {kind}, got {found}"
        return found

    def messages(self, count, acknowledge=True):
        """That many PUBLISH packets, acknowledged one by one (QoS 1) unless told otherwise."""
        got = []
        while len(got) < count:
            message = self.expect(PUBLISH)
            got.append(message)
            if acknowledge and message.qos == 1:
                self.acknowledge(message)
        return got

    def nothing_comes(self):
        """True if the server has nothing for us: it answers a PINGREQ with PINGRESP alone."""
        return not self.ping()

    def read_to_end(self):
        """All packets until the peer closes."""
        came = []
        try:
            while True:
                came.append(self.read())
        except Closed:
            return came

    def abort(self):
        """Ends as a crashed client does: RST, no DISCONNECT."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
