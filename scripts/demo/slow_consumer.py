"""A slow consumer on $q/bursts/+ that takes at most 10 messages at a time (Receive Maximum 10).

usage: slow_consumer.py PORT NAME COUNTS
It holds what it gets for some milliseconds before it acknowledges, and writes "TAKEN MOST_HELD" to
the file COUNTS. It is Paho Python; only the moment of the PUBACK is its own.
"""

import os
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

QUEUE = "$q/bursts/+"
RECEIVE_MAXIMUM = 10
HOLD_S = 0.003


class SlowClient(mqtt.Client):
    """Paho acknowledges as soon as the callback returns; this one waits."""

    def __init__(self, name):
        super().__init__(name, protocol=mqtt.MQTTv5)
        self.held = []
        self.taken = 0
        self.most_held = 0
        self.since = 0.0

    def _send_puback(self, mid):
        if not self.held:
            self.since = time.monotonic()
        self.held.append(mid)
        self.taken += 1
        self.most_held = max(self.most_held, len(self.held))
        return mqtt.MQTT_ERR_SUCCESS

    def settle(self):
        """Acknowledges all it holds, once it has held them long enough."""
        if self.held and time.monotonic() - self.since >= HOLD_S:
            for mid in self.held:
                super()._send_puback(mid)
            self.held.clear()


def report(path, client):
    with open(path + ".new", "w") as file:
        file.write(f"{client.taken} {client.most_held}\n")
    os.replace(path + ".new", path)  # the scene never reads half a line


def main(port, name, counts):
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    client = SlowClient(name)
    client.on_connect = lambda c, *_: c.subscribe(QUEUE, qos=1)
    client.connect("127.0.0.1", port, properties=properties)
    reported = 0.0
    while client.loop(timeout=HOLD_S / 2, max_packets=RECEIVE_MAXIMUM) == mqtt.MQTT_ERR_SUCCESS:
        client.settle()
        if time.monotonic() - reported > 0.2:
            reported = time.monotonic()
            report(counts, client)
    sys.exit("the connection was lost")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
