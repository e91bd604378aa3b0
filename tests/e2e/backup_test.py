"""A backup of a journal that is being served from: what was acknowledged before it is in it, whole
and in order, and Sluice runs from what is restored.
"""

import json
import pathlib
import subprocess
import threading

from harness import Sluice, StageTest, main, raw, sluice_binary

BEFORE = 300


def journal(*arguments):
    return subprocess.run([sluice_binary(), "journal", *map(str, arguments)],
                          capture_output=True, text=True, timeout=60)


class Backup(StageTest):
    queues = ("jobs/+",)

    def publish_until(self, stop, stored):
        with raw.Client(self.sluice.port) as producer:
            producer.connect("meanwhile")
            while not stop.is_set():
                name = f"meanwhile-{len(stored)}"
                assert producer.publish_and_wait("jobs/x", name.ljust(2000, ".")).reason == 0
                stored.append(name)

    def test_backup_under_load_is_restored(self):
        producer = self.client(client_id="producer")
        before = [f"before-{n}" for n in range(BEFORE)]
        for name in before:
            producer.publish("jobs/x", name.ljust(20_000, "."))
        for _ in before:
            self.assertEqual(producer.expect(raw.PUBACK).reason, 0)
        stop, meanwhile = threading.Event(), []
        load = threading.Thread(target=self.publish_until, args=(stop, meanwhile))
        load.start()
        self.addCleanup(load.join)
        self.addCleanup(stop.set)
        backup = self.folder / "backups" / "monday"
        told = json.loads(self.sluice.cli("journal", "backup", str(backup), "--json").stdout)
        stop.set()
        load.join()
        self.assertEqual(told["state"], "done")
        self.assertGreater(told["copied_bytes"], BEFORE * 20_000)
        self.assertEqual(pathlib.Path(told["directory"]), backup)
        self.assertFalse(backup.with_name("monday.part").exists())

        again = self.sluice.cli("journal", "backup", str(backup), check=False)
        self.assertEqual((again.returncode, again.stderr),
                         (1, f"sluice: {backup} is there already\n"))
        self.assertEqual(journal("check", backup).returncode, 0)
        used = journal("check", self.sluice.data_dir)
        self.assertEqual(used.returncode, 1)
        self.assertIn("in use by another sluice", used.stderr)
        self.assertIn("sluice journal backup", used.stderr)

        other = Sluice(self.folder / "other", self.broker.url)
        restored = journal("restore", backup, other.data_dir)
        self.assertEqual(restored.returncode, 0, restored.stderr)
        other.start()
        self.addCleanup(other.kill)
        consumer = self.client(client_id="consumer", port=other.port)
        consumer.subscribe("$q/jobs/+")
        ready = other.queue("jobs-any")
        count = ready["ready"] + ready["in_flight"]
        got = [m.payload.decode().rstrip(".") for m in consumer.messages(count)]
        self.assertEqual(got[:BEFORE], before)
        self.assertEqual(got[BEFORE:], meanwhile[:count - BEFORE])
        self.assertEqual(other.stop(), 0)


if __name__ == "__main__":
    main()
