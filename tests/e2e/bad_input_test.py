"""Wrong input and a wrong world: one clear line each, and the right exit code."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import (HOST, Broker, Sluice, StageTest, free_port, main, raw, sluice_binary,
                     wait_for)

FAILED, BAD_ARGUMENTS = 1, 2


def one_line(done):
    """The last line of stderr, which has to be the only one."""
    lines = done.stderr.strip().split("\n")
    if len(lines) != 1 or not lines[0]:
        raise AssertionError(f"not one line: {done.stderr!r}")
    return lines[0]


class BadStart(unittest.TestCase):
    """`sluice serve` that must not start."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def serve(self, *arguments, data_dir=None, **options):
        words = {"--listen": f"mqtt://{HOST}:0", "--upstream": f"mqtt://{HOST}:1",
                 "--admin": f"http://{HOST}:0", "--data-dir": str(data_dir or self.folder / "data")}
        words.update(options.get("instead", {}))
        flat = [word for pair in words.items() for word in pair]
        return subprocess.run([sluice_binary(), "serve", *flat, *map(str, arguments)],
                              capture_output=True, text=True, timeout=60)

    def refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done)
        self.assertNotIn("ready", done.stdout)
        line = one_line(done)
        for word in words:
            self.assertIn(word, line)

    def config(self, text):
        path = self.folder / "sluice.toml"
        path.write_text(text)
        return path

    def test_wrong_filter(self):
        self.refused(self.serve("--queue", "a/#/b"), BAD_ARGUMENTS, "a/#/b")
        self.refused(self.serve("--queue", "$share/g/a"), BAD_ARGUMENTS, "$share")
        config = self.config('[[queue]]\nname = "x"\nfilter = "a/#/b"\n')
        self.refused(self.serve("--config", config), BAD_ARGUMENTS, "sluice.toml", "a/#/b")

    def test_duplicate_name_or_filter(self):
        twice = '[[queue]]\nname = "x"\nfilter = "{}"\n[[queue]]\nname = "{}"\nfilter = "a/+"\n'
        self.refused(self.serve("--config", self.config(twice.format("b/+", "x"))),
                     BAD_ARGUMENTS, "x")
        self.refused(self.serve("--config", self.config(twice.format("a/+", "y"))),
                     BAD_ARGUMENTS, "a/+")

    def test_unknown_option(self):
        self.refused(self.serve("--no-such-option"), BAD_ARGUMENTS, "--no-such-option")
        config = self.config('[[queue]]\nname = "x"\nfilter = "a"\nno_such_option = 1\n')
        self.refused(self.serve("--config", config), BAD_ARGUMENTS, "no_such_option")
        config = self.config("[no_such_table]\nx = 1\n")
        self.refused(self.serve("--config", config), BAD_ARGUMENTS, "no_such_table")

    def test_template_without_wildcard(self):
        config = self.config('[[queue]]\nname = "x"\nfilter = "a"\nper_topic = true\n')
        self.refused(self.serve("--config", config), BAD_ARGUMENTS,
                     "per_topic takes a filter with wildcards")

    def test_wrong_values(self):
        for key, value in (("mode", '"sideways"'), ("dispatch", '"best"'), ("max_inflight", "0"),
                           ("max_inflight", "65536"), ("last_value", '"perhaps"'),
                           ("key", '["nothing"]')):
            with self.subTest(key=key, value=value):
                config = self.config(f'[[queue]]\nname = "x"\nfilter = "a"\n{key} = {value}\n')
                self.refused(self.serve("--config", config), BAD_ARGUMENTS, key)

    def test_config_that_is_no_toml_or_not_there(self):
        self.refused(self.serve("--config", self.config("[[queue\n")), BAD_ARGUMENTS, "sluice.toml")
        self.refused(self.serve("--config", self.folder / "none.toml"), BAD_ARGUMENTS, "none.toml")

    def test_wrong_addresses(self):
        for option, value in (("--listen", "nonsense"), ("--listen", f"mqtt://{HOST}:99999"),
                              ("--upstream", "ftp://x:1"), ("--admin", "http://")):
            with self.subTest(option=option, value=value):
                self.refused(self.serve(instead={option: value}), BAD_ARGUMENTS, value)

    def test_port_in_use(self):
        with socket.create_server((HOST, 0)) as taken:
            port = taken.getsockname()[1]
            for option, scheme in (("--listen", "mqtt"), ("--admin", "http")):
                with self.subTest(option=option):
                    done = self.serve(instead={option: f"{scheme}://{HOST}:{port}"})
                    self.refused(done, FAILED, str(port), "in use")

    def test_data_directory_that_is_a_file(self):
        path = self.folder / "file"
        path.write_text("not a directory")
        self.refused(self.serve(data_dir=path), FAILED, str(path))
        self.refused(self.serve(data_dir=path / "below"), FAILED, str(path))

    def test_data_directory_that_may_not_be_read(self):
        # Permission bits don't hold root back; /proc does.
        self.refused(self.serve(data_dir="/proc/sluice"), FAILED, "/proc/sluice")

    def filled(self):
        """A data directory with a journal in it."""
        sluice = Sluice(self.folder, f"mqtt://{HOST}:1", ["--queue", "a/+"])
        sluice.start()
        self.addCleanup(sluice.kill)
        return sluice

    def test_corrupt_journal(self):
        sluice = self.filled()
        data = sluice.data_dir
        sluice.stop()
        currents = list(data.rglob("CURRENT"))
        self.assertTrue(currents, "no LevelDB in the data directory")
        for current in currents:
            with self.subTest(database=current.parent.name):
                kept = current.read_bytes()
                current.write_bytes(b"nonsense\n")
                self.refused(self.serve(data_dir=data), FAILED, str(data))
                current.write_bytes(kept)
        sluice.start()
        self.assertEqual(sluice.stop(), 0)

    def test_second_process_on_the_same_data(self):
        sluice = self.filled()
        self.refused(self.serve(data_dir=sluice.data_dir), FAILED, str(sluice.data_dir))
        self.assertTrue(sluice.running)
        self.assertEqual(sluice.names(), ["a-any"])

    def test_no_subcommand_or_a_wrong_one(self):
        for words in ([], ["sreve"], ["queue"], ["queue", "craete", "x"]):
            with self.subTest(words=words):
                done = subprocess.run([sluice_binary(), *words], capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual(done.returncode, BAD_ARGUMENTS, done)
                self.assertTrue(done.stderr)


class BadCommand(StageTest):
    """`sluice queue ...` that must not do anything."""

    queues = ("taken/+",)

    def refused(self, code, words, *arguments):
        done = self.sluice.cli(*arguments, check=False)
        self.assertEqual(done.returncode, code, done)
        line = one_line(done)
        for word in words:
            self.assertIn(word, line)
        self.assertEqual(self.sluice.names(), ["taken-any"])

    def create(self, name, topic_filter, *options):
        return ("queue", "create", name, "--filter", topic_filter, *options)

    def test_wrong_filter_or_name(self):
        self.refused(BAD_ARGUMENTS, ["a/#/b"], *self.create("x", "a/#/b"))
        self.refused(BAD_ARGUMENTS, ["$SYS"], *self.create("x", "$SYS/#"))
        self.refused(BAD_ARGUMENTS, ["x y"], *self.create("x y", "a"))
        self.refused(BAD_ARGUMENTS, ["128"], *self.create("x" * 129, "a"))

    def test_duplicates(self):
        self.refused(FAILED, ["taken-any"], *self.create("taken-any", "other"))
        self.refused(FAILED, ["taken/+"], *self.create("other", "taken/+"))

    def test_wrong_options(self):
        self.refused(BAD_ARGUMENTS, ["best"], *self.create("x", "a", "--dispatch", "best"))
        self.refused(BAD_ARGUMENTS, ["sideways"], *self.create("x", "a", "--mode", "sideways"))
        self.refused(BAD_ARGUMENTS, ["nothing"],
                     *self.create("x", "a", "--last-value", "--key", "nothing"))

    def test_no_such_queue(self):
        self.refused(FAILED, ["nowhere"], "queue", "show", "nowhere")
        self.refused(FAILED, ["nowhere"], "queue", "delete", "nowhere")

    def test_no_server(self):
        done = subprocess.run([sluice_binary(), "queue", "list", "--admin",
                               f"http://{HOST}:{free_port()}"], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, FAILED)
        one_line(done)


class Names(StageTest):
    def test_a_client_can_not_write_lines_of_the_log(self):
        with raw.Client(self.sluice.port, 5, 60) as client:
            try:
                self.assertNotEqual(client.connect("a\n2026 info forged\x1b[2J").reason, 0)
            except raw.Closed:
                pass  # as Mosquitto does with such a name
        wait_for(lambda: "forged" in self.log_tail(), 60, "the refusal in the log")
        self.assertIn("a\\x0A2026 info forged\\x1B[2J", self.log_tail())
        self.assertNotIn("\n2026 info", self.log_tail())


class UnreachableBroker(unittest.TestCase):
    def test_serves_and_finds_the_broker_later(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        port = free_port()
        sluice = Sluice(folder / "sluice", f"mqtt://{HOST}:{port}", ["--queue", "a/+"]).start()
        self.addCleanup(sluice.kill)
        for version, reason in ((5, 0x88), (4, 0x03)):
            with raw.Client(sluice.port, version, 60) as client:
                self.assertEqual(client.connect("early").reason, reason)
        self.assertEqual(sluice.names(), ["a-any"])
        broker = Broker(folder / "mosquitto", port).start()
        self.addCleanup(broker.kill)

        def connects():
            with raw.Client(sluice.port, 5, 60) as client:
                return client.connect("late").reason == 0

        wait_for(connects, 60, "Sluice to find the broker")
        self.assertEqual(sluice.stop(), 0)


if __name__ == "__main__":
    main()
