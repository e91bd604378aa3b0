"""A worker as anybody would write it with Paho Python: takes jobs from $q/images/+.

usage: worker.py HOST:PORT NAME JOURNAL [HOLD]
It writes "start ID" and "done ID" lines to the file JOURNAL (- is stdout). While the file HOLD
exists it stops in the middle of its next job, so that the scene can kill it there.
"""

import hashlib
import os
import sys
import time

import paho.mqtt.client as mqtt

QUEUE = "$q/images/+"
ID_BYTES = 8
DIGEST_BYTES = 32


def image(number, size):
    """A payload of `size` random bytes that carries its number and a checksum of the rest."""
    body = os.urandom(max(0, size - ID_BYTES - DIGEST_BYTES))
    return number.to_bytes(ID_BYTES, "big") + hashlib.sha256(body).digest() + body


def read_image(payload):
    """The number; an error if a byte of the payload changed on its way."""
    body = payload[ID_BYTES + DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != payload[ID_BYTES:ID_BYTES + DIGEST_BYTES]:
        raise ValueError("a damaged payload")
    return int.from_bytes(payload[:ID_BYTES], "big")


class Worker:
    def __init__(self, address, name, journal, hold=None):
        self.journal = sys.stdout if journal == "-" else open(journal, "a")
        self.hold = hold
        self.client = mqtt.Client(name, clean_session=True, protocol=mqtt.MQTTv311)
        self.client.reconnect_delay_set(0.1, 0.5)
        self.client.on_connect = self.on_connect
        self.client.on_message = self.on_message
        host, _, port = address.rpartition(":")
        self.client.connect_async(host, int(port))

    def note(self, line):
        print(line, file=self.journal, flush=True)

    def on_connect(self, client, _userdata, _flags, code):
        if code == 0:
            client.subscribe(QUEUE, qos=1)

    def on_message(self, _client, _userdata, message):
        try:
            number = read_image(message.payload)
        except ValueError as damaged:
            self.note(f"damaged {damaged}")
            return
        self.note(f"start {number}")
        time.sleep(0.03)  # the work
        while self.hold and os.path.exists(self.hold):
            time.sleep(0.05)
        self.note(f"done {number}")
        # Returning lets Paho send the PUBACK: the job is settled only now.


if __name__ == "__main__":
    Worker(*sys.argv[1:]).client.loop_forever(retry_first_connection=True)
