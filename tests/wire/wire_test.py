"""Bytes against bytes: plays the *.wire scripts of this folder against the real server.

A script is a list of cases; each case is one connection (or several, named):

    case: what is shown [MQTT-...]
    > 10 { s"MQTT" 04 02 003C s"client" }    send these bytes
    < 20 02 00 00                            one whole packet has to come, and be this
    <~ 40 02 0001                            the same; neighbours with ~ may come in any order
    closed                                   the server closes, and sends nothing before
    @other                                   the lines that follow are the connection "other"'s

Bytes are hexadecimal. "abc" is its ASCII bytes, s"abc" the same after its two-byte length, { } its
content after a variable byte integer of its length. In an expectation ?? is any byte, and ... at
the end of { } any number of them. # starts a comment.
"""

import pathlib
import re
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import HOST, StageTest, main  # noqa: E402

ANY, REST = -1, -2
ANSWER_S = 20  # generous: sanitizer builds on busy machines
TOKEN = re.compile(r's?"[^"]*"|\{|\}|\.\.\.|\?\?|(?:[0-9A-Fa-f]{2})+')


def variable(number):
    out = []
    while True:
        number, low = divmod(number, 128)
        out.append(low | 0x80 if number else low)
        if not number:
            return out


def template(text, where):
    """The bytes of a line, with ANY and REST where an expectation leaves them open."""
    text = re.sub(r"\s#.*", "", text)
    if TOKEN.sub("", text).strip():
        raise ValueError(f"{where}: can't read {TOKEN.sub('', text).strip()!r}")
    stack = [[]]
    for token in TOKEN.findall(text):
        if token == "{":
            stack.append([])
        elif token == "}":
            inner = stack.pop()
            # With an open end the length is not known, and is not compared.
            stack[-1] += inner if REST in inner else variable(len(inner)) + inner
        elif token in ("...", "??"):
            stack[-1].append(REST if token == "..." else ANY)
        elif token.endswith('"'):
            data = list(token.lstrip("s")[1:-1].encode())
            length = [len(data) >> 8, len(data) & 255] if token[0] == "s" else []
            stack[-1] += length + data
        else:
            stack[-1] += bytes.fromhex(token)
    if len(stack) != 1:
        raise ValueError(f"{where}: braces don't match")
    return stack[0]


def matches(expected, packet):
    """`packet` is (first byte, length field, body)."""
    first, length, body = packet
    if REST in expected:
        actual, expected = [first, *body], expected[:expected.index(REST)]
        actual = actual[:len(expected)] if len(actual) >= len(expected) else []
    else:
        actual = [first, *length, *body]
    return len(actual) == len(expected) and all(
        e in (ANY, a) for e, a in zip(expected, actual))


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection((HOST, port), timeout=ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        try:
            self.socket.sendall(bytes(data))
        except ConnectionError:
            pass  # it was closed at an earlier byte; `closed` will say so

    def take(self, count):
        """That many bytes; fewer only if the server closed."""
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(count - len(data))
            except ConnectionError:
                break
            if not piece:
                break
            data += piece
        return data

    def packet(self):
        """(first byte, length field, body); None when the server has closed."""
        first = self.take(1)
        if not first:
            return None
        field, length, shift = [], 0, 0
        while not field or field[-1] >= 0x80:
            field.append(self.take(1)[0])
            length |= (field[-1] & 0x7F) << shift
            shift += 7
        return first[0], field, self.take(length)


def shown(packet):
    if packet is None:
        return "the end of the connection"
    first, length, body = packet
    return bytes([first, *length, *body]).hex(" ")


class Case:
    """One case of a script, played line by line."""

    def __init__(self, test, lines):
        self.test = test
        self.lines = lines
        self.connections = {}
        self.current = ""
        self.open = []  # unordered expectations not met yet

    def connection(self):
        if self.current not in self.connections:
            made = Connection(self.test.sluice.port)
            self.test.addCleanup(made.socket.close)
            self.connections[self.current] = made
        return self.connections[self.current]

    def play(self):
        for where, line in self.lines:
            if not line.startswith("<~"):
                self.settle(where)
            if line.startswith(">"):
                self.connection().send(template(line[1:], where))
            elif line.startswith("<~"):
                self.open.append(template(line[2:], where))
            elif line.startswith("<"):
                self.open.append(template(line[1:], where))
                self.settle(where)
            elif line == "closed":
                got = self.connection().packet()
                self.test.assertIsNone(got, f"{where}: expected the end, got {shown(got)}")
            elif line.startswith("@"):
                self.current = line[1:]
            else:
                raise ValueError(f"{where}: can't read {line!r}")
        self.settle("the end")

    def settle(self, where):
        """Reads a packet for each open expectation."""
        while self.open:
            got = self.connection().packet()
            met = next((e for e in self.open if got and matches(e, got)), None)
            self.test.assertIsNotNone(met, f"before {where}: unexpected {shown(got)}")
            self.open.remove(met)


class Wire(StageTest):
    queues = ("wire/q/+",)


def cases(path):
    """(name, lines) of every case of a script."""
    name, lines = None, []
    for number, line in enumerate(path.read_text().split("\n"), 1):
        line = line.strip()
        if line.startswith("case:"):
            if name:
                yield name, lines
            name, lines = line[5:].strip(), []
        elif line and not line.startswith("#"):
            lines.append((f"{path.name}:{number}", line))
    yield name, lines


def add_cases():
    for path in sorted(pathlib.Path(__file__).parent.glob("*.wire")):
        for name, lines in cases(path):
            title = f"test_{path.stem}: {name}"
            if hasattr(Wire, title):
                raise ValueError(f"{path.name}: two cases are called {name!r}")
            setattr(Wire, title, lambda self, lines=lines: Case(self, lines).play())


class Language(unittest.TestCase):
    """The scripts' own language, so that a match means something."""

    def test_templates(self):
        self.assertEqual(template('10 { s"ab" 0102 "c" }', "x"), [0x10, 7, 0, 2, 97, 98, 1, 2, 99])
        self.assertEqual(template("{" + "00 " * 200 + "}", "x")[:2], [0xC8, 0x01])
        with self.assertRaises(ValueError):
            template("10 { 00", "x")
        with self.assertRaises(ValueError):
            template("1", "x")

    def test_matching(self):
        packet = (0x20, [3], b"\x00\x00\x00")
        self.assertTrue(matches(template("20 03 00 ?? 00", "x"), packet))
        self.assertTrue(matches(template("20 { 00 00 ... }", "x"), packet))
        self.assertTrue(matches(template("20 { 00 00 00 ... }", "x"), packet))
        self.assertFalse(matches(template("20 { 00 00 00 00 ... }", "x"), packet))
        self.assertFalse(matches(template("20 { 00 01 ... }", "x"), packet))
        self.assertFalse(matches(template("20 03 00 00", "x"), packet))
        self.assertFalse(matches(template("20 02 00 00 00", "x"), packet))


add_cases()

if __name__ == "__main__":
    main()
