"""A disk that becomes full under load, a real one: publishers are refused before the file system is
full, consumers drain, and all is well again without a restart. Needs to mount a tmpfs.
"""

import json
import os
import subprocess
import unittest
import urllib.error
import urllib.request

from harness import StageTest, main, raw, sluice_binary, wait_for

MIB = 1 << 20
DISK, RESERVE = 640 * MIB, 256 * MIB  # the reserve is the default
PAYLOAD = 256 * 1024


class OnSmallDisk(StageTest):
    queues = ("disk/+",)

    @classmethod
    def before_sluice(cls):
        cls.disk = cls.sluice.data_dir
        cls.disk.mkdir(parents=True, mode=0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs",
                               str(cls.disk)], capture_output=True, text=True)
        if done.returncode != 0:
            raise unittest.SkipTest(f"skipped: no tmpfs can be mounted: {done.stderr.strip()}")
        # Runs after the sluice has ended: what is added later is done first.
        cls.addClassCleanup(subprocess.run, ["umount", str(cls.disk)], check=True)

    def free(self):
        about = os.statvfs(self.disk)
        return about.f_bavail * about.f_frsize

    def health(self):
        try:
            with urllib.request.urlopen(self.sluice.admin + "/healthz", timeout=30) as answer:
                return answer.status, json.load(answer)["journal"]
        except urllib.error.HTTPError as failed:
            with failed:
                return failed.code, json.load(failed)["journal"]

    def log_since(self, position):
        return self.sluice.log.read_bytes()[position:].decode(errors="replace")

    def wait_until_green(self):
        wait_for(lambda: self.health()[0] == 200, 60, "a green /healthz")

    def fill(self, name):
        """Publishes from four clients at once until each is refused; what was stored."""
        clients = [self.client(client_id=f"{name}{i}") for i in range(4)]
        stored, number = set(), 0
        while clients:
            sent = []
            for client in clients:
                key = f"{name}-{number}"
                number += 1
                sent.append((client, key))
                client.publish("disk/x", key.ljust(PAYLOAD, "."))
            for client, key in sent:
                answer = client.expect(raw.PUBACK)
                if answer.reason == 0:
                    stored.add(key)
                    continue
                self.assertEqual(answer.reason, 0x97, answer)
                self.assertIn("nearly full", answer.property(raw.REASON_STRING))
                clients.remove(client)
            self.assertLess(number, DISK // PAYLOAD * 2, "the disk never gets full")
        return stored

    def drain(self):
        count = self.queue("disk-any")["ready"]
        with self.client(client_id="drain") as consumer:
            consumer.subscribe("$q/disk/+")
            got = [m.payload.decode().rstrip(".") for m in consumer.messages(count)]
            consumer.ping()
        self.wait_for_queue("disk-any", ready=0, in_flight=0)
        return got

    def check_clean(self):
        self.assertEqual(self.sluice.stop(), 0)
        checked = subprocess.run([sluice_binary(), "journal", "check", str(self.disk)],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.sluice.start()

    def test_reserve_is_met_first_and_space_comes_back(self):
        pid, begin = self.sluice.pid, self.sluice.log.stat().st_size
        for turn in range(2):  # the second time shows that the space was truly given back
            stored = self.fill(f"turn{turn}")
            self.assertGreater(len(stored) * PAYLOAD, 100 * MIB)
            self.assertGreater(self.free(), RESERVE // 2, "the reserve was eaten")
            status, why = self.health()
            self.assertEqual(status, 503)
            self.assertIn("nearly full", why)
            with raw.Client(self.sluice.port, 4) as old:
                self.assertEqual(old.connect(f"old{turn}").reason, 0)
                old.publish("disk/x", "refused")
                self.assertEqual(old.read_to_end(), [])  # no PUBACK, closed
            self.assertEqual(sorted(self.drain()), sorted(stored))
            self.wait_until_green()
        self.assertEqual(self.client().publish_and_wait("disk/x", "again").reason, 0)
        self.assertEqual(self.drain(), ["again"])
        self.assertEqual(self.sluice.pid, pid)
        self.assertNotIn("queues answer 0x83", self.log_since(begin))
        self.check_clean()

    def test_disk_that_others_fill_to_the_last_byte(self):
        """The reserve doesn't help: the journal fails, and goes on by itself when there is room."""
        producer = self.client(client_id="producer")
        for number in range(20):
            self.assertEqual(producer.publish_and_wait("disk/x", f"kept-{number}").reason, 0)
        hog = self.disk / "hog"
        with hog.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(MIB))
            except OSError:
                pass
        # What is stored while the last pages are used up counts, too.
        kept = 20
        while True:
            answer = producer.publish_and_wait("disk/x", f"kept-{kept}".ljust(PAYLOAD, "."))
            if answer.reason != 0:
                break
            kept += 1
            self.assertLess(kept, 1000)
        self.assertIn(answer.reason, (0x83, 0x97))
        self.assertEqual(self.health()[0], 503)
        hog.unlink()
        self.wait_until_green()
        got = self.drain()
        self.assertEqual(got[:kept], [f"kept-{n}" for n in range(kept)])
        self.assertLessEqual(len(got), kept + 1)  # the refused one may be there: nobody was told
        self.check_clean()


if __name__ == "__main__":
    main()
