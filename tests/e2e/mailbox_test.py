"""Mailboxes: a queue of its own for each topic of a template, with stock clients."""

import json
import os
import time

import harness
from harness import WAIT_S, StageTest, raw, wait_for

import mailboxes  # beside the stack, which the harness has found

COUNT = int(os.environ.get("SLUICE_MAILBOXES", "100000"))
BAD_ARGUMENTS = 2
NOT_AUTHORIZED = 0x87

RULES = """
[[acl]]
users = ["device"]
queues = ["lights", "lamp"]
allow = ["consume"]

[[acl]]
users = ["server"]
allow = ["produce", "consume"]

[[acl]]
users = ["device", "stranger"]
deny = ["produce", "consume"]
"""


def of(light):
    return f"lights/{light}/commands"


class Mailboxes(StageTest):
    config = mailboxes.QUEUE.format(idle="1h")

    def listed(self, *arguments):
        return json.loads(self.sluice.cli(*arguments, "--json").stdout)

    def test_a_device_sees_its_own_commands_alone(self):
        mine, theirs = of("light-123"), of("light-124")
        self.mosquitto_pub("-q", 1, "-t", mine, "-m", "early")
        device = self.mosquitto_sub("-q", 1, "-t", "$q/" + mine, "-F", "%t %p")
        other = self.mosquitto_sub("-V", 5, "-q", 1, "-t", "$q/" + theirs, "-F", "%t %p")
        for payload in ("1", "2"):
            self.mosquitto_pub("-q", 1, "-t", theirs, "-m", payload)
            self.mosquitto_pub("-q", 1, "-t", mine, "-m", payload)
        self.assertEqual(self.lines(device, 3), [f"{mine} early", f"{mine} 1", f"{mine} 2"])
        self.assertEqual(self.lines(other, 2), [f"{theirs} 1", f"{theirs} 2"])

    def test_a_device_that_was_away_gets_what_came_meanwhile_also_after_a_restart(self):
        topic = of("away")
        arguments = ("-q", 1, "-i", "device-away", "-c", "-t", "$q/" + topic)
        device = self.mosquitto_sub(*arguments)
        self.mosquitto_pub("-q", 1, "-t", topic, "-m", "1")
        self.assertEqual(self.lines(device, 1), ["1"])
        self.wait_for_queue("lights/" + topic, in_flight=0)
        device.terminate()
        device.wait()
        self.mosquitto_pub("-q", 1, "-t", topic, "-m", "2")
        self.sluice.kill()
        self.sluice.start()
        self.mosquitto_pub("-q", 1, "-t", topic, "-m", "3")
        self.assertEqual(self.lines(self.mosquitto_sub(*arguments), 2), ["2", "3"])

    def test_the_template_itself_can_not_be_consumed(self):
        for version in (4, 5):
            ack = self.client(version).subscribe_for_ack("$q/lights/+/commands")
            self.assertEqual(ack.reasons, [0x80])
        self.assertEqual(ack.property(raw.REASON_STRING),
                         "queue 'lights' has a mailbox for each topic: subscribe to '$q/' and one "
                         "topic")
        self.assertEqual(self.client().subscribe("$q/lights/a/b/commands", "$q/lights/+"),
                         [0x80, 0x80])

    def test_dead_letters_are_together_and_go_back_each_to_its_own(self):
        devices = {}
        for light in ("dead-1", "dead-2"):
            devices[light] = self.client()
            devices[light].subscribe("$q/" + of(light))
            devices[light].publish_and_wait(of(light), light)
            [job] = devices[light].messages(1, acknowledge=False)
            devices[light].acknowledge(job, 0x99)
        self.wait_for_queue("lights", dead=2)
        browser = self.client()
        self.assertEqual(browser.subscribe("$q/$dead/lights/+/commands"), [1])
        letters = browser.messages(2, acknowledge=False)
        self.assertEqual([m.payload for m in letters], [b"dead-1", b"dead-2"])
        self.assertEqual(letters[0].user("q-queue"), "lights")
        browser.disconnect()
        self.wait_for_queue("lights", dead=2)
        self.sluice.cli("dead", "redrive", "lights", "--all")
        for light, device in devices.items():
            [again] = device.messages(1)
            self.assertEqual((again.topic, again.payload), (of(light), light.encode()))
            self.assertTrue(device.nothing_comes())

    def test_administration(self):
        producer = self.client()
        for light in ("admin-a", "admin-b", "admin-b"):
            producer.publish_and_wait(of(light), "x")
        rows = {row["topic"]: row for row in self.listed("queue", "mailboxes", "lights")}
        self.assertEqual(rows[of("admin-b")]["ready"], 2)
        self.assertEqual(rows[of("admin-a")]["name"], "lights/" + of("admin-a"))
        self.assertEqual(list(rows), sorted(rows))
        self.assertEqual(len(self.listed("queue", "mailboxes", "lights", "--limit", "1")), 1)
        table = self.sluice.cli("queue", "mailboxes", "lights").stdout.split("\n")
        self.assertEqual(table[0].split()[:3], ["TOPIC", "READY", "IN-FLIGHT"])
        name = "lights/" + of("admin-b")
        shown = self.queue(name)
        self.assertEqual((shown["name"], shown["topic"], shown["ready"]),
                         (name, of("admin-b"), 2))
        self.assertGreaterEqual(self.queue("lights")["mailboxes"], 2)
        self.assertNotIn(name, self.sluice.names())
        self.assertEqual([m["payload"] for m in self.listed("message", "list", name)], ["x", "x"])
        self.sluice.cli("queue", "purge", name)
        self.assertEqual(self.queue(name)["ready"], 0)
        self.sluice.cli("queue", "delete", name)
        for code, words, *arguments in (
                (1, "there is no queue", "queue", "show", name),
                (1, "there is no queue", "queue", "mailboxes", "nowhere"),
                (BAD_ARGUMENTS, "its options are those of queue 'lights'", "queue", "update",
                 "lights/" + of("admin-a"), "--set", "max_inflight=1"),
                (BAD_ARGUMENTS, "has groups for each mailbox", "group", "create", "lights", "g")):
            with self.subTest(arguments=arguments):
                done = self.sluice.cli(*arguments, check=False)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(words, done.stderr)

    def test_quiet_mailboxes_go_and_what_they_counted_stays(self):
        self.create_queue("brief", "brief/+", "--set", "per_topic=true", "--set",
                          "mailbox_idle=200ms")
        client = self.client()
        client.subscribe("$q/brief/a")
        client.publish_and_wait("brief/a", "1")
        client.messages(1)
        self.wait_for_queue("brief", acked_total=1)
        time.sleep(0.5)
        self.assertEqual(self.queue("brief")["mailboxes"], 1)
        client.disconnect()
        self.wait_for_queue("brief", mailboxes=0, stored_total=1, acked_total=1)
        self.sluice.kill()
        self.sluice.start()
        shown = self.queue("brief")
        self.assertEqual((shown["mailboxes"], shown["stored_total"], shown["acked_total"]),
                         (0, 1, 1))
        self.client().publish_and_wait("brief/a", "2")
        self.wait_for_queue("brief", mailboxes=1, ready=1, stored_total=2)

    def test_templates_that_share_a_topic_exclude_each_other(self):
        done = self.sluice.cli("queue", "create", "more", "--filter", "lights/#", "--set",
                               "per_topic=true", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("mailboxes of queue 'lights' ('lights/+/commands')", done.stderr)


class Rights(StageTest):
    """They are those of the template, for every mailbox."""
    config = mailboxes.QUEUE.format(idle="1h") + RULES

    def test_rights(self):
        device = self.client(username="device")
        self.assertEqual(device.subscribe("$q/" + of("a")), [1])
        self.assertEqual(device.publish_and_wait(of("a"), "x").reason, NOT_AUTHORIZED)
        stranger = self.client(username="stranger")
        self.assertEqual(stranger.subscribe("$q/" + of("a")), [NOT_AUTHORIZED])
        self.assertEqual(self.client(username="server").publish_and_wait(of("a"), "y").reason, 0)
        self.assertEqual([m.payload for m in device.messages(1)], [b"y"])

    def test_consumers_of_a_deleted_queue_are_asked_about_the_next_one(self):
        server = self.client(username="server")
        self.create_queue("one", "moved")
        device = self.client(username="device")
        self.assertEqual(device.subscribe("$q/moved"), [NOT_AUTHORIZED])
        self.create_queue("lamp", "moved2")
        self.assertEqual(device.subscribe("$q/moved2"), [1])
        self.sluice.cli("queue", "delete", "lamp")
        self.create_queue("secret", "moved2")
        server.publish_and_wait("moved2", "not for the device")
        self.assertTrue(device.nothing_comes())
        self.assertEqual(self.queue("secret")["consumers"], 0)
        self.sluice.cli("queue", "delete", "secret", "--force")
        self.create_queue("lamp", "moved2")
        server.publish_and_wait("moved2", "for the device")
        self.assertEqual([m.payload for m in device.messages(1)], [b"for the device"])


class Many(StageTest):
    config = mailboxes.QUEUE.format(idle="1s")

    def test_very_many(self):
        figures, taken = mailboxes.run(self.sluice, COUNT, 10 * WAIT_S)
        print(json.dumps({name: round(value, 2) for name, value in figures.items()}))
        self.assertEqual(figures["kept"], COUNT)
        self.assertEqual(len(taken), COUNT)
        self.assertEqual(dict(taken), {mailboxes.topic_of(n): str(n) for n in range(COUNT)})
        # All consumed, nobody there: they go.
        wait_for(lambda: self.queue("lights")["mailboxes"] == 0, WAIT_S, "the end of the mailboxes")
        self.assertEqual(self.queue("lights")["acked_total"], COUNT)


if __name__ == "__main__":
    harness.main()
