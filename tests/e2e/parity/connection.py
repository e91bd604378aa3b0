"""The client of the parity scripts: made of bytes, and it writes down all that it is sent.

What is written down is the trace: one line a packet, per connection. Packet identifiers that the
server chose are replaced by the order in which they appeared; the client's own stand as they are.
"""

import hashlib
import struct
import time

import raw

PATIENCE_S = 8.0  # for what has to come, in the end
NAMES = {1: "CONNECT", 2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL",
         7: "PUBCOMP", 8: "SUBSCRIBE", 9: "SUBACK", 10: "UNSUBSCRIBE", 11: "UNSUBACK",
         12: "PINGREQ", 13: "PINGRESP", 14: "DISCONNECT", 15: "AUTH"}
PROPERTY_NAMES = {
    0x01: "payload-format", 0x02: "message-expiry", 0x03: "content-type", 0x08: "response-topic",
    0x09: "correlation-data", 0x0B: "subscription-id", 0x11: "session-expiry",
    0x12: "assigned-client-id", 0x13: "server-keep-alive", 0x15: "auth-method", 0x16: "auth-data",
    0x19: "request-response-info", 0x1A: "response-info", 0x1C: "server-reference",
    0x1F: "reason-string", 0x21: "receive-maximum", 0x22: "topic-alias-maximum",
    0x23: "topic-alias", 0x24: "maximum-qos", 0x25: "retain-available", 0x26: "user",
    0x27: "maximum-packet-size", 0x28: "wildcard-available", 0x29: "subscription-id-available",
    0x2A: "shared-available"}
BARRIER_ID = 65000  # of the UNSUBSCRIBE that asks whether all has come


def shown(value):
    if isinstance(value, (str, bytes)) and len(value) > 60:
        data = value.encode() if isinstance(value, str) else value
        return f"{len(data)} bytes {hashlib.sha256(data).hexdigest()[:12]}"
    return repr(value)


def shown_property(key, value):
    if key == 0x12:
        value = "chosen by the server"
    elif key == 0x02 and value > 5:
        value = -(-value // 10) * 10  # what is left, without the seconds that the test took
    return f"{PROPERTY_NAMES[key]}={shown(value)}"


def shown_properties(pairs):
    """Order means something among user properties only; they come last."""
    others = sorted(shown_property(k, v) for k, v in pairs if k != raw.USER_PROPERTY)
    users = [f"user={v[0]}:{v[1]}" for k, v in pairs if k == raw.USER_PROPERTY]
    return " {" + ", ".join(others + users) + "}" if pairs else ""


class Identifiers:
    """The server's packet identifiers of one session, by order of appearance."""

    def __init__(self):
        self.forget_all()

    def forget_all(self):
        self.known, self.count = {}, 0

    def name(self, packet_id):
        if packet_id not in self.known:
            self.count += 1
            self.known[packet_id] = f"#{self.count}"
        return self.known[packet_id]

    def forget(self, packet_id):
        self.known.pop(packet_id, None)


class Connection(raw.Client):
    def __init__(self, port, version, lines, identifiers, quiet_s):
        super().__init__(port, version, PATIENCE_S)
        self.lines = lines  # the trace
        self.identifiers = identifiers
        self.quiet_s = quiet_s
        self.patience_s = min(3 + 3 * quiet_s, PATIENCE_S)
        self.ended = False
        self.auto_acknowledge = True

    # --- sending ---

    def send(self, data):
        try:
            super().send(data)
        except OSError:
            pass  # the server has closed; reading will say so

    def send_connect(self, client_id, clean=True, keep_alive_s=60, props=(), will=None,
                     username=None, password=None, flags=None, name="MQTT", level=None, tail=b""):
        bits = 0x02 if clean else 0
        body = raw.binary(client_id)
        if will:
            bits |= 0x04 | will.get("qos", 0) << 3 | will.get("retain", 0) << 5
            body += self._properties(will.get("props", ()))
            body += raw.binary(will["topic"]) + raw.binary(will.get("payload", b""))
        if username is not None:
            bits |= 0x80
            body += raw.binary(username)
        if password is not None:
            bits |= 0x40
            body += raw.binary(password)
        head = raw.binary(name) + bytes([level or self.version, bits if flags is None else flags])
        head += struct.pack(">H", keep_alive_s) + self._properties(props)
        self.send(raw.packet(raw.CONNECT, head + body + tail))

    def send_subscribe(self, *filters, qos=1, props=(), packet_id=None):
        packet_id = packet_id or self.new_id()
        body = b"".join(raw.binary(f[0]) + bytes([f[1]]) if isinstance(f, tuple) else
                        raw.binary(f) + bytes([qos]) for f in filters)
        head = struct.pack(">H", packet_id) + self._properties(props)
        self.send(raw.packet(raw.SUBSCRIBE, head + body, 2))

    def send_unsubscribe(self, *filters, props=(), packet_id=None):
        packet_id = packet_id or self.new_id()
        head = struct.pack(">H", packet_id) + self._properties(props)
        self.send(raw.packet(raw.UNSUBSCRIBE, head + b"".join(map(raw.binary, filters)), 2))

    def send_disconnect(self, reason=None, props=()):
        body = b"" if reason is None or self.version != 5 else bytes([reason])
        if props and self.version == 5:
            body += raw.properties(props)
        self.send(raw.packet(raw.DISCONNECT, body))

    def acknowledge(self, publish, reason=0, kind=raw.PUBACK, props=()):
        super().acknowledge(publish, reason, kind, props)
        packet_id = publish if isinstance(publish, int) else publish.id
        if kind in (raw.PUBACK, raw.PUBCOMP) or (kind == raw.PUBREC and reason >= 0x80):
            self.identifiers.forget(packet_id)

    # --- reading, all of which is written down ---

    def _describe(self, p):
        name, props = NAMES.get(p.kind, f"type {p.kind}"), shown_properties(p.properties)
        if p.kind == raw.PUBLISH:
            number = f" {self.identifiers.name(p.id)}" if p.id else ""
            return (f"PUBLISH{number} qos={p.qos} retain={p.retain} dup={p.dup} "
                    f"{shown(p.topic)} {shown(p.payload)}{props}")
        if p.kind == raw.CONNACK:
            if not p.session_present:
                self.identifiers.forget_all()
            return f"CONNACK present={p.session_present} reason=0x{p.reason:02x}{props}"
        if p.kind == raw.PUBREL:
            return f"PUBREL {self.identifiers.name(p.id)} reason=0x{p.reason:02x}{props}"
        if p.kind in (raw.SUBACK, raw.UNSUBACK):
            return f"{name} {p.id} {[hex(r) for r in p.reasons]}{props}"
        number = f" {p.id}" if p.id else ""
        reason = "" if p.reason is None else f" reason=0x{p.reason:02x}"
        return f"{name}{number}{reason}{props}"

    def _record(self, packet):
        self.lines.append(self._describe(packet))

    def read(self, within_s=None):
        """The next packet; None once the server has closed, or if nothing comes in time."""
        if self.ended:
            return None
        try:
            packet = super().read(within_s or self.patience_s)
        except raw.Closed:
            self.ended = True
            self.lines.append("closed")
            return None
        except TimeoutError:
            self.lines.append("nothing came")
            return None
        if not (packet.kind == raw.UNSUBACK and packet.id == BARRIER_ID):
            self._record(packet)
        return packet

    def react(self, packet):
        """What a plain client answers to a packet of the server."""
        if not self.auto_acknowledge:
            return
        if packet.kind == raw.PUBLISH and packet.qos:
            self.acknowledge(packet, kind=raw.PUBACK if packet.qos == 1 else raw.PUBREC)
        elif packet.kind == raw.PUBREL:
            self.acknowledge(packet, kind=raw.PUBCOMP)
        elif packet.kind == raw.PUBREC and packet.reason < 0x80:
            self.acknowledge(packet, kind=raw.PUBREL)

    def until(self, kind):
        """Reads, answering, until a packet of this kind came."""
        while True:
            packet = self.read()
            if packet is None:
                return None
            self.react(packet)
            if packet.kind == kind:
                return packet

    def take(self, count):
        """That many messages, answered completely before it returns."""
        got, unreleased = [], set()
        while len(got) < count or unreleased:
            packet = self.read()
            if packet is None:
                return got
            self.react(packet)
            if packet.kind == raw.PUBLISH:
                got.append(packet)
                if packet.qos == 2 and self.auto_acknowledge:
                    unreleased.add(packet.id)
            elif packet.kind == raw.PUBREL:
                unreleased.discard(packet.id)
        return got

    def drain(self):
        """Reads all that comes, until the server has answered and then is quiet."""
        if not self.ended:
            self.send_unsubscribe("a/barrier/of/the/test", packet_id=BARRIER_ID)
        deadline = time.monotonic() + PATIENCE_S
        answered = False
        while not self.ended:
            try:
                packet = raw.Client.read(self, self.quiet_s)
            except raw.Closed:
                self.ended = True
                self.lines.append("closed")
                return
            except TimeoutError:
                if answered or time.monotonic() > deadline:
                    return
                continue
            if packet.kind == raw.UNSUBACK and packet.id == BARRIER_ID:
                answered = True
                continue
            self._record(packet)
            self.react(packet)

    def end(self, within_s=None):
        """Reads until the server closes; it is written down if it doesn't."""
        while not self.ended:
            if self.read(within_s) is None and not self.ended:
                return

    # --- the usual exchanges ---

    def connect(self, client_id="", **options):
        self.send_connect(client_id, **options)
        return self.read()

    def subscribe(self, *filters, **options):
        self.send_subscribe(*filters, **options)
        return self.until(raw.SUBACK)

    def unsubscribe(self, *filters, **options):
        self.send_unsubscribe(*filters, **options)
        return self.until(raw.UNSUBACK)

    def publish_done(self, topic, payload=b"", qos=1, **options):
        """A PUBLISH and all of its answers."""
        self.publish(topic, payload, qos, **options)
        if qos == 1:
            return self.until(raw.PUBACK)
        if qos == 2:
            answer = self.until(raw.PUBREC)
            return answer if answer and answer.reason >= 0x80 else self.until(raw.PUBCOMP)
        return None

    def disconnect(self, reason=None, props=()):
        """DISCONNECT, and the server's closing."""
        self.send_disconnect(reason, props)
        self.end()
        self.close()

    def vanish(self):
        """Ends as a crashed client does."""
        self.ended = True
        self.abort()
