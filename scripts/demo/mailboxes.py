"""Very many mailboxes of one queue, with Paho Python: a message to each, a restart, and all of them
consumed. For `scripts/bench mailboxes` and the end-to-end test."""

import threading
import time

import paho.mqtt.client as mqtt

from stack import HOST, wait_for

QUEUE = ('[[queue]]\nname = "lights"\nfilter = "lights/+/commands"\nper_topic = true\n'
         'mailbox_idle = "{idle}"\n')
OF_A_SESSION = 1000  # mailboxes that one client consumes from
OF_A_SUBSCRIBE = 250
UNDER_WAY = 10_000  # publishes; Paho drops what would take one of its 65,535 identifiers twice


def topic_of(light):
    return f"lights/light-{light}/commands"


def connected(port, name):
    """A client with its loop running and its CONNACK there."""
    client = mqtt.Client(name, protocol=mqtt.MQTTv5)
    there = threading.Event()
    client.on_connect = lambda *_: there.set()
    client.max_inflight_messages_set(1000)
    client.connect(HOST, port, keepalive=600)
    client.loop_start()
    if not there.wait(60):
        raise TimeoutError(f"no CONNACK for {name}")
    return client


def publish_one_each(port, count, within_s):
    """Returns once each publish is acknowledged."""
    client = connected(port, "producer")
    acknowledged = []
    client.on_publish = lambda _c, _u, mid: acknowledged.append(mid)
    for light in range(count):
        if light % UNDER_WAY == 0:
            wait_for(lambda sent=light: len(acknowledged) >= sent, within_s, "PUBACK so far")
        client.publish(topic_of(light), str(light), qos=1)
    wait_for(lambda: len(acknowledged) >= count, within_s, "PUBACK of every mailbox")
    client.disconnect()
    client.loop_stop()


def consume_all(port, count, within_s):
    """Subscribes to every mailbox by its own address. Gives what came: topic and payload of each
    message, in any order."""
    taken = []
    clients = []
    for first in range(0, count, OF_A_SESSION):
        client = connected(port, f"lights-{first}")
        clients.append(client)
        client.on_message = lambda _c, _u, m: taken.append((m.topic, m.payload.decode()))
        lights = range(first, min(first + OF_A_SESSION, count))
        for start in range(0, len(lights), OF_A_SUBSCRIBE):
            client.subscribe([("$q/" + topic_of(light), 1)
                              for light in lights[start:start + OF_A_SUBSCRIBE]])
    wait_for(lambda: len(taken) >= count, within_s, "a message of every mailbox")
    return clients, taken


def leave(clients):
    for client in clients:
        client.disconnect()
        client.loop_stop()


def run(sluice, count, within_s):
    """Makes `count` mailboxes, restarts after a kill, and consumes all. Gives figures, and what was
    taken."""
    figures = {"mailboxes": count, "memory_before_kib": sluice.memory_kib()["RssAnon"]}
    begin = time.monotonic()
    publish_one_each(sluice.port, count, within_s)
    figures["publish_s"] = time.monotonic() - begin
    figures["memory_full_kib"] = sluice.memory_kib()["RssAnon"]
    sluice.kill()
    begin = time.monotonic()
    sluice.start()
    figures["start_s"] = time.monotonic() - begin
    figures["memory_restarted_kib"] = sluice.memory_kib()["RssAnon"]
    begin = time.monotonic()
    shown = sluice.queue("lights")
    figures["show_ms"] = 1000 * (time.monotonic() - begin)
    figures["kept"] = shown["kept"]
    begin = time.monotonic()
    clients, taken = consume_all(sluice.port, count, within_s)
    wait_for(lambda: sluice.queue("lights")["acked_total"] >= count, within_s, "every PUBACK")
    figures["consume_s"] = time.monotonic() - begin
    figures["memory_consumed_kib"] = sluice.memory_kib()["RssAnon"]
    leave(clients)
    return figures, taken
