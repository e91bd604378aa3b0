"""A worker with Paho Python, for tests that need one to crash or to hang.

usage: stock_worker.py PORT FILTER take|crash
It writes "subscribed" and then the payload of each job it took; `crash` ends it at its first one,
before anything is acknowledged.
"""

import os
import sys

import paho.mqtt.client as mqtt

port, topic_filter, behaviour = sys.argv[1:]


def on_message(_client, _userdata, message):
    if behaviour == "crash":
        os._exit(1)
    print(message.payload.decode(), flush=True)


client = mqtt.Client(protocol=mqtt.MQTTv5)
client.on_connect = lambda c, *_: c.subscribe(topic_filter, qos=1)
client.on_subscribe = lambda *_: print("subscribed", flush=True)
client.on_message = on_message
client.connect("127.0.0.1", int(port))
client.loop_forever()
