"""A script's view of the server, and the list of all scripts."""

import raw
from parity.connection import Connection, Identifiers

SCRIPTS = []  # (name, function, versions, options)


def script(*versions, **options):
    """Marks a client behaviour, to be run with each of the versions.

    `differs` names rows of docs/guarantees.md ("Differences from talking to the broker") that this
    script shows; `only` names the kinds of broker that it makes sense with.
    """
    def add(function):
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        SCRIPTS.append((name, function, versions or (4, 5), options))
        return function

    return add


class Stage:
    """One run of a script: makes its connections, and keeps its topics and names its own."""

    def __init__(self, port, number, version, quiet_s):
        self.port, self.number, self.version, self.quiet_s = port, number, version, quiet_s
        self.traces = {}
        self.sessions = {}
        self.connections = []

    @property
    def v5(self):
        return self.version == 5

    def topic(self, name):
        return f"p{self.number}/{name}"

    def name(self, name):
        return f"c{self.number}{name}"

    def open(self, name="a", version=None):
        """A connection without CONNECT yet."""
        identifiers = self.sessions.setdefault(name, Identifiers())
        times = sum(label.partition(".")[0] == name for label in self.traces) + 1
        lines = self.traces[f"{name}.{times}"] = []
        connection = Connection(self.port, version or self.version, lines, identifiers,
                                self.quiet_s)
        self.connections.append(connection)
        return connection

    def connect(self, name="a", version=None, client_id=None, **options):
        connection = self.open(name, version)
        connection.connect(self.name(name) if client_id is None else client_id, **options)
        return connection

    def kept(self, seconds=3600):
        """CONNECT options of a session that outlives its connection."""
        return {"clean": False,
                "props": [(raw.SESSION_EXPIRY, seconds)] if self.v5 else []}

    def note(self, text):
        """Something that the script saw, for the trace."""
        self.traces.setdefault("notes", []).append(text)

    def close(self):
        for connection in self.connections:
            connection.close()
