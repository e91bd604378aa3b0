"""HiveMQ Community Edition as child process, from Maven Central.

What is downloaded lies under build/. Where there is no Java or no Maven Central, Unavailable says
why.
"""

import os
import pathlib
import re
import select
import shutil
import subprocess
import tempfile
import time

from harness import HOST, free_port, spawn
from stack import ROOT, Child

HERE = pathlib.Path(__file__).resolve().parents[1] / "hivemq"
DOWNLOAD_WITHIN_S = 240
READY_WITHIN_S = 120
STARTS = 5  # a port that was free may be taken by the time it is used
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
CONFIG = """<hivemq>
  <listeners><tcp-listener>
    <port>{port}</port><bind-address>{host}</bind-address>
  </tcp-listener></listeners>
  <persistence><mode>in-memory</mode></persistence>
  <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
{more}
</hivemq>
"""
QUIET = """<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%d %level %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""
# As parity/brokers.py limits a Mosquitto.
LIMITS = """  <mqtt>
    <packets><max-packet-size>2000</max-packet-size></packets>
    <keep-alive><max-keep-alive>30</max-keep-alive></keep-alive>
    <quality-of-service><max-qos>1</max-qos></quality-of-service>
    <retained-messages><enabled>false</enabled></retained-messages>
    <receive-maximum><server-receive-maximum>5</server-receive-maximum></receive-maximum>
    <topic-alias><max-per-client>3</max-per-client></topic-alias>
  </mqtt>
  <security>
    <allow-empty-client-id><enabled>false</enabled></allow-empty-client-id>
  </security>"""


class Unavailable(Exception):
    """HiveMQ can't be run here, and why."""


def jars():
    """The folder with HiveMQ and what it needs, downloaded at the first time."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Unavailable(f"there is no {program}")
    version = re.search(r"embedded</artifactId>\s*<version>([^<]+)", (HERE / "pom.xml").read_text())
    folder = ROOT / "build" / f"hivemq-{version[1]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="hivemq-") as scratch:
        out = pathlib.Path(scratch) / "jars"
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), COPY, "-DincludeScope=runtime",
                   f"-DoutputDirectory={out}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd=scratch,
                                  timeout=DOWNLOAD_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"Maven didn't end within {DOWNLOAD_WITHIN_S} s") from None
        if done.returncode != 0:
            errors = [line for line in done.stdout.split("\n") if "ERROR" in line]
            raise Unavailable(f"Maven can't download it: {(errors or ['no reason given'])[0]}")
        try:
            out.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another test was faster
                raise
    return folder


class Endpoint:
    def __init__(self, folder):
        self.folder = folder
        self.port = 0

    @property
    def url(self):
        return f"mqtt://{HOST}:{self.port}"


class HiveMq(Child):
    """Several brokers in one process; `more` is configuration by the name of the broker."""

    def __init__(self, folder, more):
        super().__init__(folder / "hivemq.log")
        self.folder, self.more = folder, more
        self.jars = jars()
        self.brokers = {name: Endpoint(folder / name) for name in more}

    def start(self):
        for _ in range(STARTS):
            if self._start():
                return self
        raise RuntimeError(f"HiveMQ does not start: {self.log.read_text()[-3000:]}")

    def _start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, broker in self.brokers.items():
            broker.port = free_port()
            conf = broker.folder / "conf"
            conf.mkdir(parents=True)
            (conf / "logback.xml").write_text(QUIET)
            (conf / "config.xml").write_text(
                CONFIG.format(host=HOST, port=broker.port, more=self.more[name]))
        command = ["java", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*",
                   str(HERE / "Launcher.java"), *(str(b.folder) for b in self.brokers.values())]
        with self.log.open("ab") as log:
            self.process = spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        if self._ready():
            return True
        self.kill()
        return False

    def _ready(self):
        deadline = time.monotonic() + READY_WITHIN_S
        out, text = self.process.stdout.fileno(), b""
        while time.monotonic() < deadline:
            if select.select([out], [], [], 0.2)[0]:
                piece = os.read(out, 4096)
                text += piece
                if b"ready\n" in text:
                    return True
                if not piece:
                    return False
        return False
