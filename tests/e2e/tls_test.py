"""The link to the broker over TLS and websockets, with certificates made here by openssl."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import HOST, WAIT_S, Broker, Sluice, free_port, main, raw, sluice_binary

NEW_KEY = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
SERVER_UNAVAILABLE = 0x88


def openssl(*arguments):
    subprocess.run(arguments, check=True, capture_output=True, timeout=60)


def make_authority(folder, name):
    openssl(*NEW_KEY, "-x509", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")


def make_certificate(folder, name, authority, names):
    own, signer = str(folder / name), str(folder / authority)
    openssl(*NEW_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
            "-keyout", own + ".key", "-out", own + ".csr")
    openssl("openssl", "x509", "-req", "-days", "2", "-copy_extensions", "copy",
            "-in", own + ".csr", "-CA", signer + ".pem", "-CAkey", signer + ".key",
            "-CAcreateserial", "-out", own + ".pem")
    pathlib.Path(own + ".key").chmod(0o644)  # Mosquitto may read it as another user


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-tls-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.folder.chmod(0o755)
        make_authority(cls.folder, "ca")
        make_authority(cls.folder, "stranger")
        make_certificate(cls.folder, "server", "ca", "DNS:broker.test")
        make_certificate(cls.folder, "local", "ca", f"DNS:localhost,IP:{HOST}")
        make_certificate(cls.folder, "client", "ca", "DNS:sluice.test")
        make_certificate(cls.folder, "intruder", "stranger", "DNS:sluice.test")
        cls.ports = {name: free_port() for name in ("mqtts", "address", "mutual", "ws", "wss")}
        cls.broker = Broker(cls.folder / "mosquitto", settings=cls.listeners()).start()
        cls.addClassCleanup(cls.broker.kill)

    @classmethod
    def listeners(cls):
        def listener(name, certificate, *lines):
            at = cls.folder / (certificate or "")
            keys = [f"cafile {cls.folder}/ca.pem", f"certfile {at}.pem", f"keyfile {at}.key"]
            return [f"listener {cls.ports[name]} {HOST}", *(keys if certificate else []), *lines]

        return [*listener("mqtts", "server"), *listener("address", "local"),
                *listener("mutual", "server", "require_certificate true"),
                *listener("ws", None, "protocol websockets"),
                *listener("wss", "server", "protocol websockets")]

    def config(self, **keys):
        """A config file with that [upstream_tls]; files of this test's folder by their names."""
        lines = ["[upstream_tls]"] if keys else []
        for key, value in keys.items():
            where = self.folder / value if key.endswith("_file") else value
            lines.append(f'{key} = "{where}"')
        file = self.folder / f"{self._testMethodName}.toml"
        file.write_text("\n".join(lines) + "\n")
        return ["--config", str(file)]

    def sluice(self, scheme, listener, **keys):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        sluice = Sluice(folder, f"{scheme}://{HOST}:{self.ports[listener]}",
                        self.config(**keys)).start()
        self.addCleanup(lambda: self.assertEqual(sluice.stop(), 0, sluice.log.read_text()))
        return sluice

    def client(self, port, name):
        client = raw.Client(port, 5, WAIT_S)
        self.addCleanup(client.close)
        return client, client.connect(client_id=name).reason

    def check_carries(self, sluice):
        """To the broker and back: from Sluice's client to the broker's own, and the other way."""
        through, reason = self.client(sluice.port, "through")
        self.assertEqual(reason, 0, sluice.log.read_text())
        direct, reason = self.client(self.broker.port, "direct")
        self.assertEqual(reason, 0)
        large = "x" * 300_000
        for sender, receiver, topic in ((through, direct, "up"), (direct, through, "down")):
            receiver.subscribe(topic)
            sender.publish_and_wait(topic, large)
            got, = receiver.messages(1)
            self.assertEqual((got.topic, len(got.payload)), (topic, len(large)))

    def check_refused(self, sluice, why):
        _, reason = self.client(sluice.port, "refused")
        self.assertEqual(reason, SERVER_UNAVAILABLE)
        lines = [line for line in sluice.log.read_text().splitlines() if why in line]
        self.assertEqual(len(lines), 1, sluice.log.read_text())

    def check_closed(self, sluice):
        """In TLS 1.3 the broker looks at Sluice's certificate when the handshake is over for
        Sluice: as if it closed after CONNECT, in silence."""
        with self.assertRaises(raw.Closed):
            self.client(sluice.port, "closed")
        self.assertIn("the broker has closed the connection: ", sluice.log.read_text())

    def check_start_fails(self, upstream, *why, **keys):
        done = subprocess.run(
            [sluice_binary(), "serve", "--listen", f"mqtt://{HOST}:0", "--upstream", upstream,
             "--data-dir", str(self.folder / "unused"), "--admin", f"http://{HOST}:0",
             *self.config(**keys)], capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for part in why:
            self.assertIn(str(part), done.stderr)

    # --- what is good ---

    def test_good_authority(self):
        self.check_carries(self.sluice("mqtts", "mqtts", ca_file="ca.pem",
                                       server_name="broker.test"))

    def test_certificate_of_the_address(self):
        self.check_carries(self.sluice("mqtts", "address", ca_file="ca.pem"))

    def test_certificate_of_sluice(self):
        self.check_carries(self.sluice("mqtts", "mutual", ca_file="ca.pem",
                                       server_name="broker.test", cert_file="client.pem",
                                       key_file="client.key"))

    def test_websocket(self):
        self.check_carries(self.sluice("ws", "ws"))

    def test_websocket_over_tls(self):
        self.check_carries(self.sluice("wss", "wss", ca_file="ca.pem",
                                       server_name="broker.test"))

    # --- what is refused ---

    def test_strange_authority(self):
        self.check_refused(self.sluice("mqtts", "mqtts", ca_file="stranger.pem",
                                       server_name="broker.test"), "certificate verify failed")

    def test_authority_not_of_the_system(self):
        self.check_refused(self.sluice("wss", "wss", server_name="broker.test"),
                           "certificate verify failed")

    def test_other_name(self):
        self.check_refused(self.sluice("mqtts", "mqtts", ca_file="ca.pem",
                                       server_name="other.test"), "certificate verify failed")
        self.check_refused(self.sluice("mqtts", "mqtts", ca_file="ca.pem"),  # 127.0.0.1
                           "certificate verify failed")

    def test_no_certificate_of_sluice(self):
        sluice = self.sluice("mqtts", "mutual", ca_file="ca.pem", server_name="broker.test")
        self.check_closed(sluice)

    def test_certificate_of_an_intruder(self):
        sluice = self.sluice("mqtts", "mutual", ca_file="ca.pem", server_name="broker.test",
                             cert_file="intruder.pem", key_file="intruder.key")
        self.check_closed(sluice)

    # --- what doesn't start ---

    def test_file_that_is_missing(self):
        self.check_start_fails("mqtts://h", "ca_file", self.folder / "none.pem",
                               "cannot be read", ca_file="none.pem")

    def test_file_that_is_no_certificate(self):
        (self.folder / "text.pem").write_text("no certificate\n")
        self.check_start_fails("wss://h", "ca_file", self.folder / "text.pem", ca_file="text.pem")

    def test_key_of_another_certificate(self):
        self.check_start_fails("mqtts://h", "key_file", self.folder / "server.key",
                               cert_file="client.pem", key_file="server.key")

    def test_certificate_without_key(self):
        self.check_start_fails("mqtts://h", "go together", cert_file="client.pem")

    def test_plain_upstream(self):
        self.check_start_fails("mqtt://h", "upstream_tls", "has no TLS", ca_file="ca.pem")


if __name__ == "__main__":
    main()
