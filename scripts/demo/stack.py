"""Mosquitto and Sluice as child processes: what the scenes and the end-to-end tests stand on.

A process ends with its parent, also when that is killed: nothing is left behind.
"""

import ctypes
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import time

HOST = "127.0.0.1"
ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_WITHIN_S = 60  # a sanitizer build on a busy machine is slow to start

_libc = ctypes.CDLL(None)


def _end_with_parent():
    pr_set_pdeathsig = 1
    _libc.prctl(pr_set_pdeathsig, signal.SIGKILL)


def sluice_binary():
    return os.environ.get("SLUICE_BIN") or str(ROOT / "build/release/proxy/sluice")


def free_port():
    """A port nobody listens on now. Only for programs that can't be given port 0."""
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError:
            return False
        return True


def answers(port):
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_for(condition, within_s, what):
    """Returns what condition() gives as soon as it is true; an error when it never is."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within_s} s for {what}")
        time.sleep(0.02)


def spawn(arguments, **options):
    return subprocess.Popen(arguments, preexec_fn=_end_with_parent, **options)


class Child:
    """A child process whose output goes to a log file."""

    def __init__(self, log):
        self.log = pathlib.Path(log)
        self.process = None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """SIGKILL, as a power cut for the process."""
        if self.running:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self):
        if self.process and self.process.stdout:
            self.process.stdout.close()

    def stop(self, within_s=30):
        """SIGTERM; returns the exit code."""
        if self.running:
            self.process.terminate()
        try:
            code = self.process.wait(within_s) if self.process else None
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._close()
        return code

    def memory_kib(self):
        """VmRSS, RssAnon and VmHWM (the peak of VmRSS), in KiB."""
        fields = {}
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().split("\n"):
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssAnon", "VmHWM"):
                fields[name] = int(value.split()[0])
        return fields


class Broker(Child):
    """A Mosquitto of our own, on loopback, that keeps sessions over a restart."""

    def __init__(self, folder, port=0, settings=()):
        folder = pathlib.Path(folder)
        super().__init__(folder / "mosquitto.log")
        self.folder = folder
        self.port = port
        self.settings = settings

    @property
    def url(self):
        return f"mqtt://{HOST}:{self.port}"

    def start(self):
        # Another process may take a free port first: then the next one.
        for _ in range(5):
            if self._start_on(self.port or free_port()):
                return self
        raise RuntimeError(f"mosquitto does not start, see {self.log}")

    def _start_on(self, port):
        self.folder.mkdir(parents=True, exist_ok=True)
        conf = self.folder / "mosquitto.conf"
        open_door = [] if any("allow_anonymous" in s for s in self.settings) else [
            "allow_anonymous true"]
        lines = [f"listener {port} {HOST}", *open_door, "persistence true",
                 f"persistence_location {self.folder}/", "log_dest stderr",
                 "max_queued_messages 100000", *self.settings]
        if os.geteuid() == 0:
            lines.append("user root")  # else it can't write where only root may
        conf.write_text("\n".join(lines) + "\n")
        with self.log.open("ab") as log:
            self.process = spawn(["/usr/sbin/mosquitto", "-c", str(conf)], stdout=log, stderr=log)
        # Mosquitto opens its listeners one after another: it has started when all answer.
        ports = [int(line.split()[1]) for line in lines if line.startswith("listener ")]
        while self.running:
            if all(answers(each) for each in ports):
                self.port = port
                return True
            time.sleep(0.02)
        return False


class Sluice(Child):
    """`sluice serve`. The ports of the first start are kept by later ones."""

    def __init__(self, folder, upstream, arguments=(), listen=0, admin=0):
        folder = pathlib.Path(folder)
        super().__init__(folder / "sluice.log")
        self.data_dir = folder / "data"
        self.upstream = upstream
        self.arguments = list(arguments)
        self.port = listen
        self.admin_port = admin

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    @property
    def admin(self):
        return f"http://{HOST}:{self.admin_port}"

    def command(self):
        return [sluice_binary(), "serve", "--listen", f"mqtt://{HOST}:{self.port}",
                "--upstream", self.upstream, "--data-dir", str(self.data_dir),
                "--admin", self.admin, *self.arguments]

    def start(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = spawn(self.command(), stdout=subprocess.PIPE, stderr=log)
        line = self._ready_line()
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.port = int(words["mqtt"].rpartition(":")[2])
        self.admin_port = int(words["admin"].rpartition(":")[2])
        return self

    def _ready_line(self):
        deadline = time.monotonic() + READY_WITHIN_S
        out = self.process.stdout.fileno()
        text = b""
        while time.monotonic() < deadline:
            if select.select([out], [], [], 0.1)[0]:
                piece = os.read(out, 4096)
                text += piece
                if text.startswith(b"ready ") and text.endswith(b"\n"):
                    return text.decode()
                if not piece:
                    break
        self.kill()
        raise RuntimeError(f"sluice does not start: {self.log.read_text()[-2000:]}")

    def cli(self, *arguments, check=True):
        """Runs a subcommand against this server; gives the finished process."""
        done = subprocess.run([sluice_binary(), *arguments, "--admin", self.admin],
                              capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise RuntimeError(f"sluice {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def names(self):
        return [shown["name"] for shown in json.loads(self.cli("queue", "list", "--json").stdout)]

    def queue(self, name):
        return json.loads(self.cli("queue", "show", name, "--json").stdout)
