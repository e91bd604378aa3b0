"""The stage of an end-to-end test: a Mosquitto and the built sluice, on free ports, in a folder
that goes away. Tests run the real binary, SLUICE_BIN; processes are ended by their own ids.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "demo"))

from stack import HOST, Broker, Sluice, free_port, sluice_binary, spawn, wait_for  # noqa: E402

import raw  # noqa: E402

__all__ = ["HOST", "Broker", "Sluice", "StageTest", "free_port", "main", "raw", "sluice_binary",
           "spawn", "wait_for"]

WAIT_S = float(os.environ.get("SLUICE_WAIT_S", "60"))  # for what has to happen, on a slow build


class StageTest(unittest.TestCase):
    """One broker and one sluice for the tests of a class; names and topics keep them apart."""

    queues = ()  # --queue filters of the server
    config = ""  # its configuration file
    settings = ()  # lines for mosquitto.conf

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.broker = Broker(cls.folder / "mosquitto", settings=cls.settings).start()
        cls.addClassCleanup(cls.broker.kill)
        arguments = [word for queue in cls.queues for word in ("--queue", queue)]
        if cls.config:
            (cls.folder / "sluice.toml").write_text(cls.config)
            arguments += ["--config", str(cls.folder / "sluice.toml")]
        cls.sluice = Sluice(cls.folder / "sluice", cls.broker.url, arguments)
        cls.before_sluice()
        cls.sluice.start()
        cls.addClassCleanup(cls.end_sluice)

    @classmethod
    def before_sluice(cls):
        """For what must be there before it starts."""

    @classmethod
    def end_sluice(cls):
        """An orderly end, so that sanitizers can report."""
        if not cls.sluice.running:
            return
        code = cls.sluice.stop()
        if code != 0:
            raise AssertionError(f"sluice ended with {code}:\n{cls.log_tail()}")

    @classmethod
    def log_tail(cls):
        return cls.sluice.log.read_text(errors="replace")[-4000:]

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            print(f"--- sluice's log after {self.id()}:\n{self.log_tail()}", file=sys.stderr)
        return outcome

    # --- clients ---

    def client(self, version=5, port=None, **connect):
        """A connected raw client, closed at the end of the test."""
        client = raw.Client(port or self.sluice.port, version, WAIT_S)
        self.addCleanup(client.close)
        answer = client.connect(**connect)
        self.assertEqual(answer.reason, 0, answer)
        client.connack = answer
        return client

    def create_queue(self, name, topic_filter, *options):
        self.sluice.cli("queue", "create", name, "--filter", topic_filter, *options)

    def queue(self, name):
        return self.sluice.queue(name)

    def wait_for_queue(self, name, **expected):
        """Waits until `queue show` says what is expected of it."""
        def reached():
            shown = self.queue(name)
            return shown if all(shown[k] == v for k, v in expected.items()) else None

        try:
            return wait_for(reached, WAIT_S, f"queue {name}")
        except TimeoutError:
            self.fail(f"queue {name} is {self.queue(name)}, expected {expected}")

    def mosquitto_pub(self, *arguments, **options):
        """Runs mosquitto_pub against Sluice to its end."""
        return subprocess.run(
            ["mosquitto_pub", "-h", HOST, "-p", str(self.sluice.port), *map(str, arguments)],
            capture_output=True, text=True, timeout=WAIT_S, check=True, **options)

    def mosquitto_sub(self, *arguments):
        """Starts mosquitto_sub against Sluice and returns once it is subscribed."""
        process = spawn(
            ["stdbuf", "-oL", "mosquitto_sub", "-d", "-h", HOST, "-p", str(self.sluice.port),
             *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        process.early = []  # what a persistent session gave before the SUBACK
        for line in process.stdout:
            if line.startswith("Subscribed"):
                return process
            if not line.startswith("Client "):
                process.early.append(line.rstrip("\n"))
        self.fail(f"mosquitto_sub {arguments} did not subscribe")

    def lines(self, process, count):
        """That many lines of payload from a mosquitto_sub, without its debug lines."""
        got = process.early[:count]
        del process.early[:count]
        while len(got) < count:
            line = process.stdout.readline()
            self.assertTrue(line, f"mosquitto_sub ended after {got}")
            if not line.startswith(("Client ", "Subscribed")):
                got.append(line.rstrip("\n"))
        return got


def main():
    unittest.main(verbosity=2)
