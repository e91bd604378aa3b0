"""The command line: what it prints, and what it leaves."""

import json
import os
import subprocess

from harness import StageTest, main, sluice_binary

SHOWN = {"name", "filter", "mode", "dispatch", "ready", "in_flight", "consumers", "stored_total",
         "acked_total", "redelivered_total", "oldest_age_ms"}


class Queues(StageTest):
    queues = ("images/+",)

    def test_create_list_show_delete(self):
        self.create_queue("lights", "lights/+", "--dispatch", "random", "--mode", "copy",
                          "--last-value", "--key", "property:command_type")
        self.assertEqual(self.sluice.names(), ["images-any", "lights"])
        shown = self.queue("lights")
        self.assertLessEqual(SHOWN, set(shown))
        self.assertEqual(
            [shown[k] for k in ("name", "filter", "mode", "dispatch", "ready", "oldest_age_ms")],
            ["lights", "lights/+", "copy", "random", 0, 0])
        listed = self.sluice.cli("queue", "list").stdout
        self.assertIn("images-any", listed)
        self.assertIn("lights/+", self.sluice.cli("queue", "show", "lights").stdout)
        self.sluice.cli("queue", "delete", "lights")
        self.assertEqual(self.sluice.names(), ["images-any"])

    def test_numbers_follow_the_messages(self):
        self.create_queue("numbers", "numbers/+")
        self.client(client_id="producer").publish_and_wait("numbers/x", "x")
        shown = self.wait_for_queue("numbers", ready=1, stored_total=1)
        self.assertGreaterEqual(shown["oldest_age_ms"], 0)
        worker = self.client(client_id="worker")
        worker.subscribe("$q/numbers/+")
        message = worker.messages(1, acknowledge=False)[0]
        self.wait_for_queue("numbers", ready=0, in_flight=1, consumers=1)
        worker.acknowledge(message, 0x80)
        message = worker.messages(1, acknowledge=False)[0]
        self.wait_for_queue("numbers", in_flight=1, redelivered_total=1)
        worker.acknowledge(message)
        self.wait_for_queue("numbers", in_flight=0, acked_total=1)
        worker.disconnect()
        self.wait_for_queue("numbers", consumers=0)

    def test_server_from_the_environment(self):
        done = subprocess.run([sluice_binary(), "queue", "list", "--json"], capture_output=True,
                              text=True, check=True, timeout=60,
                              env={**os.environ, "SLUICE_ADMIN": self.sluice.admin})
        self.assertIn("images-any", json.dumps(json.loads(done.stdout)))

    def test_queue_is_used_as_soon_as_it_is_made_and_no_longer_when_deleted(self):
        watcher = self.client(client_id="watcher")
        watcher.subscribe("life/x")
        producer = self.client(client_id="life")
        producer.publish_and_wait("life/x", "before")
        self.create_queue("life", "life/+")
        producer.publish_and_wait("life/x", "stored")
        self.wait_for_queue("life", ready=1)
        self.sluice.cli("queue", "delete", "life", "--force")
        producer.publish_and_wait("life/x", "after")
        self.assertEqual([m.payload for m in watcher.messages(2)], [b"before", b"after"])

    def test_delete_under_a_consumer(self):
        self.create_queue("under", "under/+")
        worker = self.client(client_id="under")
        worker.subscribe("$q/under/+")
        self.client(client_id="under-producer").publish_and_wait("under/x", "x")
        message = worker.messages(1, acknowledge=False)[0]
        self.sluice.cli("queue", "delete", "under", "--force")
        worker.acknowledge(message)
        worker.ping()
        self.assertEqual(worker.subscribe("$q/under/+"), [0x80])

    def test_bash_completion(self):
        script = subprocess.run([sluice_binary(), "completion", "bash"], capture_output=True,
                                text=True, check=True, timeout=60).stdout

        def completed(*words):
            given = " ".join(f"'{word}'" for word in words)
            asked = (f"COMP_WORDS=({given}); COMP_CWORD={len(words) - 1}; _sluice; "
                     'echo "${COMPREPLY[@]}"')
            done = subprocess.run(["bash", "-c", script + asked], capture_output=True, text=True,
                                  check=True, timeout=60)
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.assertEqual(completed("sluice", "se"), ["serve"])
        self.assertEqual(completed("sluice", "queue", "ma"), ["mailboxes"])
        self.assertEqual(completed("sluice", "queue", "ls", "--no"), ["--no-headers"])
        self.assertEqual(completed("sluice", "dead", "redrive", "jobs", "--a"),
                         ["--admin", "--all"])
        self.assertEqual(completed("sluice", "queue", "nothing"), [])
        self.assertIn("journal", completed("sluice", ""))

    def test_help_names_every_command(self):
        done = subprocess.run([sluice_binary(), "--help"], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0)
        for word in ("serve", "queue"):
            self.assertIn(word, done.stdout)


if __name__ == "__main__":
    main()
