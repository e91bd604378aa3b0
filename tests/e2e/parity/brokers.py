"""The brokers that the scripts run against: each kind twice, for itself and behind Sluice."""

import subprocess

from harness import Broker, Sluice

# Rights that every kind has: wrong passwords are refused, `denied/#` is nobody's, and `readonly/#`
# may only be read.
ACL = ("topic readwrite #", "topic read $SYS/#", "topic readwrite $own/#", "topic deny denied/#",
       "topic deny readonly/#", "topic read readonly/#")
# Of the broker with narrow limits.
LIMITS = ("max_packet_size 2000", "max_keepalive 30", "max_qos 1", "retain_available false",
          "max_inflight_messages 5", "max_topic_alias 3", "allow_zero_length_clientid false")


def mosquitto(folder, limited=False):
    folder.mkdir(parents=True)
    passwords, rights = folder / "passwords", folder / "rights"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "user", "right"], check=True)
    rights.write_text("\n".join([*ACL, "user user", *ACL, ""]))
    settings = ["allow_anonymous true", f"password_file {passwords}", f"acl_file {rights}"]
    if limited:
        settings += LIMITS
    return Broker(folder, settings=settings).start()


class Pair:
    """A broker for itself, and another of the same kind behind Sluice. Both are running."""

    def __init__(self, folder, alone, behind):
        self.alone, self.behind = alone, behind
        self.sluice = Sluice(folder / "sluice", behind.url, ["--queue", "never/used"]).start()

    def stop(self):
        """An orderly end of Sluice."""
        code = self.sluice.stop() if self.sluice.running else -1
        if code != 0:
            raise AssertionError(f"sluice ended with {code}: {self.sluice.log.read_text()[-4000:]}")
