"""Queues as people use them: with mosquitto_pub, mosquitto_sub and Paho Python, nothing else."""

import json
import pathlib
import signal
import subprocess
import sys

import paho.mqtt.client as mqtt

from harness import HOST, WAIT_S, StageTest, main, spawn, wait_for

WORKER = pathlib.Path(__file__).with_name("stock_worker.py")


class Workers(StageTest):
    def worker(self, topic_filter, behaviour):
        """A Paho worker in a process of its own, subscribed; its lines are what it took."""
        process = spawn([sys.executable, str(WORKER), str(self.sluice.port), topic_filter,
                         behaviour], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        # One that crashes may have got its job before the SUBACK.
        self.assertIn(process.stdout.readline(), ("subscribed\n", ""))
        return process

    def listed(self, *arguments):
        return json.loads(self.sluice.cli(*arguments, "--json").stdout)

    def take(self, topic_filter, line_format):
        """One message by mosquitto_sub, acknowledged."""
        taken = subprocess.run(
            ["mosquitto_sub", "-h", HOST, "-p", str(self.sluice.port), "-V", "5", "-q", "1", "-C",
             "1", "-t", topic_filter, "-F", line_format], capture_output=True, text=True,
            timeout=WAIT_S, check=True)
        return taken.stdout.rstrip("\n")

    def kill_workers_with(self, name, payload):
        """Publishes a job that ends each worker that takes it, and starts workers until it died."""
        self.mosquitto_pub("-q", 1, "-t", f"{name}/x", "-m", payload)
        dead = self.queue(name)["dead"]
        for _ in range(3):
            self.assertEqual(self.worker(f"$q/{name}/+", "crash").wait(WAIT_S), 1)
        self.wait_for_queue(name, ready=0, in_flight=0, dead=dead + 1)

    def test_poison_job_dies_and_is_brought_back(self):
        self.create_queue("poison", "poison/+", "--set", "max_deliveries=3",
                          "--set", "retry_delay=0s")
        self.kill_workers_with("poison", "first")
        letter = self.listed("dead", "list", "poison")[0]
        self.assertEqual((letter["payload"], letter["dead"]["reason"], letter["dead"]["attempts"]),
                         ("first", "max_deliveries", 3))
        self.kill_workers_with("poison", "second")
        taken = self.take("$q/$dead/poison/+", "%t %p %P")
        self.assertRegex(taken, r"^poison/x first .*\bq-dead-reason:max_deliveries\b")
        self.assertRegex(taken, r"\bq-origin:1\b")
        self.wait_for_queue("poison", dead=1)
        self.sluice.cli("dead", "redrive", "poison", "--all")
        self.wait_for_queue("poison", dead=0, ready=1)
        self.assertRegex(self.take("$q/poison/+", "%t %p %P"),
                         r"^poison/x second .*\bq-attempt:1\b")
        self.wait_for_queue("poison", ready=0, in_flight=0, dead=0)

    def test_job_of_a_hung_worker_moves(self):
        self.create_queue("hung", "hung/+", "--set", "ack_timeout=1s", "--set", "retry_delay=0s")
        hung = self.worker("$q/hung/+", "take")
        hung.send_signal(signal.SIGSTOP)
        self.addCleanup(hung.send_signal, signal.SIGCONT)
        self.mosquitto_pub("-q", 1, "-t", "hung/x", "-m", "job")
        self.wait_for_queue("hung", in_flight=1)
        self.assertRegex(self.take("$q/hung/+", "%p %P"), r"^job .*\bq-attempt:2\b")
        self.wait_for_queue("hung", ready=0, in_flight=0, acked_total=1)

    def test_last_value_of_ten_thousand_updates(self):
        self.create_queue("states", "states/+", "--last-value")
        producer = mqtt.Client("states-producer", protocol=mqtt.MQTTv311)
        producer.max_inflight_messages_set(1000)
        producer.connect(HOST, self.sluice.port)
        producer.loop_start()
        self.addCleanup(producer.loop_stop)
        sent = [producer.publish(f"states/{number % 100}", str(number), qos=1)
                for number in range(10_000)]
        for each in sent:
            each.wait_for_publish(WAIT_S)
            self.assertTrue(each.is_published())
        producer.disconnect()
        self.wait_for_queue("states", ready=100, superseded_total=9_900)
        consumer = mqtt.Client("states-consumer", protocol=mqtt.MQTTv5)
        taken = []
        consumer.on_message = lambda _c, _u, message: taken.append(
            (message.topic, message.payload.decode()))
        consumer.connect(HOST, self.sluice.port)
        consumer.subscribe("$q/states/+", qos=1)
        consumer.loop_start()
        self.addCleanup(consumer.loop_stop)
        wait_for(lambda: len(taken) >= 100, WAIT_S, "100 states")
        self.wait_for_queue("states", ready=0, in_flight=0, acked_total=100)
        consumer.disconnect()
        self.assertEqual(len(taken), 100)
        self.assertEqual(dict(taken), {f"states/{key}": str(9_900 + key) for key in range(100)})


if __name__ == "__main__":
    main()
