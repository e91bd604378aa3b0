"""What the scenes share: a live line, an exact publisher, and what must hold at the end."""

import sys
import threading
import time

import paho.mqtt.client as mqtt

from stack import wait_for


class SceneFailed(Exception):
    """What did not hold, in words."""


def expect(condition, what):
    if not condition:
        raise SceneFailed(what)


def say(text):
    Live.end()
    print(text, flush=True)


class Live:
    """One line that is written again and again; on a pipe, a new line every few seconds."""

    _open = False
    _last = 0.0

    @classmethod
    def show(cls, text):
        now = time.monotonic()
        if sys.stdout.isatty():
            print(f"\r\033[K{text}", end="", flush=True)
            cls._open = True
        elif now - cls._last > 3:
            print(text, flush=True)
            cls._last = now

    @classmethod
    def end(cls):
        if cls._open:
            print(flush=True)
            cls._open = False


class Publisher:
    """A stock Paho publisher that keeps exact account of what was acknowledged.

    It speaks MQTT 3.1.1, where a PUBACK can only mean yes. Paho sends again after a reconnect what
    was not acknowledged; a window of our own keeps that small.
    """

    def __init__(self, address, client_id, window=20):
        self._window = window
        self._change = threading.Condition()
        self._open = {}  # packet identifier -> what was published
        self._early = set()  # acknowledged before publish() has returned the identifier
        self.acknowledged = []
        self._client = mqtt.Client(client_id, clean_session=True, protocol=mqtt.MQTTv311)
        self._client.max_inflight_messages_set(window)
        self._client.reconnect_delay_set(0.1, 0.5)
        self._client.on_publish = self._on_publish
        host, _, port = address.rpartition(":")
        self._client.connect_async(host, int(port))
        self._client.loop_start()

    def _on_publish(self, _client, _userdata, mid):
        with self._change:
            if mid in self._open:
                self.acknowledged.append(self._open.pop(mid))
                self._change.notify_all()
            else:
                self._early.add(mid)

    def publish(self, name, topic, payload):
        """Returns as soon as the window has room; the acknowledgement comes later."""
        with self._change:
            if not self._change.wait_for(lambda: len(self._open) < self._window, 60):
                raise SceneFailed(f"no acknowledgement for 60 s ({len(self._open)} publishes open)")
        info = self._client.publish(topic, payload, qos=1)
        with self._change:
            if info.mid in self._early:
                self._early.remove(info.mid)
                self.acknowledged.append(name)
            else:
                self._open[info.mid] = name

    def finish(self, within_s=60):
        """Waits for the last acknowledgement and disconnects."""
        with self._change:
            done = self._change.wait_for(lambda: not self._open, within_s)
        expect(done, f"{len(self._open)} publishes were never acknowledged")
        self._client.disconnect()
        self._client.loop_stop()


def wait_until_empty(sluice, queue, within_s):
    """The queue's last state, once nothing is ready or in flight."""

    def empty():
        shown = sluice.queue(queue)
        return shown if shown["ready"] == 0 and shown["in_flight"] == 0 else None

    try:
        return wait_for(empty, within_s, f"queue {queue} to become empty")
    except TimeoutError:
        raise SceneFailed(f"not drained after {within_s} s: {sluice.queue(queue)}") from None
