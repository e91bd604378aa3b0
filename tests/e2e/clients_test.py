"""Stock clients in other languages through Sluice: Paho Python, mqtt.js and Paho C++
(mosquitto_pub and mosquitto_sub are in plain_test.py).

mqtt.js comes from npm, into a cache outside the repository (SLUICE_TEST_CACHE); where npm is out of
reach its tests are skipped.
"""

import os
import pathlib
import queue
import shutil
import subprocess
import unittest
import uuid

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from harness import HOST, WAIT_S, StageTest, main, spawn

CACHE = pathlib.Path(os.environ.get("SLUICE_TEST_CACHE") or
                     pathlib.Path.home() / ".cache" / "sluice-tests")
MQTT_JS = "mqtt@5.10.1"
CLIENTS = pathlib.Path(__file__).parent / "clients"
VERSIONS = (paho.MQTTv311, paho.MQTTv5)


def props(kind, **values):
    properties = Properties(kind)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


class PahoClient:
    """A Paho Python client with its own thread; what comes is in `messages`."""

    def __init__(self, port, version, client_id, clean=True, expiry_s=0, will=None):
        self.v5 = version == paho.MQTTv5
        self.messages, self.done = queue.Queue(), queue.Queue()
        session = {} if self.v5 else {"clean_session": clean}
        self.client = paho.Client(client_id, protocol=version, **session)
        self.client.on_connect = lambda c, u, flags, *rest: self.done.put(flags["session present"])
        self.client.on_subscribe = lambda c, u, mid, granted, *rest: self.done.put(granted)
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        if will:
            self.client.will_set(*will)
        more = {}
        if self.v5:
            more = {"clean_start": clean,
                    "properties": props(PacketTypes.CONNECT, SessionExpiryInterval=expiry_s)}
        self.client.connect(HOST, port, **more)
        self.client.loop_start()
        self.session_present = self.done.get(timeout=WAIT_S)

    def subscribe(self, topic_filter, qos=1):
        self.client.subscribe(topic_filter, qos)
        return [int(getattr(code, "value", code)) for code in self.done.get(timeout=WAIT_S)]

    def publish(self, topic, payload, qos=1, retain=False, **more):
        info = self.client.publish(topic, payload, qos, retain, **more)
        info.wait_for_publish(WAIT_S)
        assert info.is_published(), f"{topic} was not acknowledged"

    def take(self, count):
        return [self.messages.get(timeout=WAIT_S) for _ in range(count)]

    def disconnect(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        """The connection is closed without DISCONNECT, and not opened again."""
        self.client.loop_stop()
        self.client._sock_close()


class PahoPython(StageTest):
    def connect(self, version, client_id="", **options):
        client = PahoClient(self.sluice.port, version, client_id or f"py-{uuid.uuid4()}",
                            **options)
        self.addCleanup(client.disconnect)
        return client

    def test_publish_and_subscribe_with_every_qos(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client = self.connect(version)
                for qos in (0, 1, 2):
                    self.assertEqual(client.subscribe(f"py/{version}/{qos}", qos), [qos])
                    client.publish(f"py/{version}/{qos}", f"at {qos}", qos)
                    message, = client.take(1)
                    self.assertEqual((message.payload, message.qos), (f"at {qos}".encode(), qos))

    def test_retained(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                topic = f"py/retained/{version}"
                publisher, reader = self.connect(version), self.connect(version)
                publisher.publish(topic, "kept", retain=True)
                reader.subscribe(topic)
                message, = reader.take(1)
                self.assertEqual((message.payload, message.retain), (b"kept", True))
                publisher.publish(topic, "", retain=True)

    def test_will(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                topic = f"py/will/{version}"
                watcher = self.connect(version)
                watcher.subscribe(topic)
                self.connect(version, will=(topic, "gone", 1)).vanish()
                self.assertEqual(watcher.take(1)[0].payload, b"gone")

    def test_session_resumes_with_what_came_meanwhile(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                topic, name = f"py/resume/{version}", f"py-resume-{version}"
                first = self.connect(version, name, clean=False, expiry_s=3600)
                self.assertEqual(first.session_present, 0)
                first.subscribe(topic, 2)
                first.disconnect()
                publisher = self.connect(version)
                for number in range(10):
                    publisher.publish(topic, str(number), qos=1 + number % 2)
                again = self.connect(version, name, clean=False, expiry_s=3600)
                self.assertEqual(again.session_present, 1)
                payloads = [int(message.payload) for message in again.take(10)]
                self.assertEqual(sorted(payloads), list(range(10)))
                again.disconnect()
                self.connect(version, name, clean=True)

    def test_share_group_splits_the_work(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                topic = f"py/shared/{version}"
                members = [self.connect(version) for _ in range(2)]
                for member in members:
                    self.assertEqual(member.subscribe(f"$share/py/{topic}"), [1])
                publisher = self.connect(version)
                for number in range(20):
                    publisher.publish(topic, str(number))
                got = [int(m.payload) for member in members for m in member.take(10)]
                self.assertEqual(sorted(got), list(range(20)))

    def test_request_and_response(self):
        asker, answerer = self.connect(paho.MQTTv5), self.connect(paho.MQTTv5)
        answerer.subscribe("py/ask")
        asker.subscribe("py/answers/1")
        asker.publish("py/ask", "how many?", properties=props(
            PacketTypes.PUBLISH, ResponseTopic="py/answers/1", CorrelationData=b"\x00q1"))
        request, = answerer.take(1)
        answerer.publish(request.properties.ResponseTopic, "42", properties=props(
            PacketTypes.PUBLISH, CorrelationData=request.properties.CorrelationData))
        answer, = asker.take(1)
        self.assertEqual((answer.payload, answer.properties.CorrelationData), (b"42", b"\x00q1"))


class Scenes:
    """What each program of clients/ plays; each scene ends with "ok"."""

    environment = {}

    def scene(self, name):
        for version in (4, 5):
            with self.subTest(version=version):
                process = spawn([*self.program, name, str(self.sluice.port), str(version)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, **self.environment})
                try:
                    output, _ = process.communicate(timeout=WAIT_S)
                finally:
                    process.kill()
                    process.wait()
                self.assertEqual((process.returncode, output.strip().split("\n")[-1]), (0, "ok"),
                                 output)

    def test_publish_and_subscribe_with_every_qos(self):
        self.scene("everyQos")

    def test_retained(self):
        self.scene("retained")

    def test_will(self):
        self.scene("will")

    def test_session_resumes_with_what_came_meanwhile(self):
        self.scene("resume")

    def test_share_group_splits_the_work(self):
        self.scene("shared")

    def test_request_and_response(self):
        self.scene("request")


class MqttJs(Scenes, StageTest):
    """Plays clients/scenes.js."""

    program = ["node", str(CLIENTS / "scenes.js")]

    @classmethod
    def setUpClass(cls):
        if missing := cls.install():
            raise unittest.SkipTest(missing)
        super().setUpClass()

    @classmethod
    def install(cls):
        """Why mqtt.js can't be used; nothing if it can."""
        if not shutil.which("node") or not shutil.which("npm"):
            return "no Node.js"
        modules = CACHE / MQTT_JS.replace("@", "-")
        cls.environment = {"NODE_PATH": str(modules / "node_modules")}
        if (modules / "node_modules" / "mqtt" / "package.json").exists():
            return None
        modules.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix",
                 str(modules), MQTT_JS], capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return "npm gives no answer"
        return None if done.returncode == 0 else f"npm: {done.stderr.strip()[-200:]}"


class PahoCpp(Scenes, StageTest):
    """Plays clients/scenes.cc, which is built with the tests."""

    program = [os.environ.get("PAHO_CPP_SCENES", "")]


if __name__ == "__main__":
    main()
