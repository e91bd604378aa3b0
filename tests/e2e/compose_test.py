"""compose/ without docker: the files are sound, and what they run and copy is there and enough."""

import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import yaml

from harness import main, sluice_binary

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose"
STANDARD = {"libc6", "libgcc-s1", "libstdc++6"}


def packages(of_set):
    lines = (ROOT / "scripts/packages").read_text().split("\n")
    return {line.split()[1] for line in lines if line.startswith(of_set + " ")}


def instructions():
    """(keyword, rest) of every instruction of the Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n", " ", (COMPOSE / "Dockerfile").read_text())
    for line in text.split("\n"):
        if line and not line.startswith("#"):
            yield tuple(line.split(None, 1))


def closure(names):
    """The packages, and what they depend on, as far as they are installed here."""
    seen, todo = set(), set(names)
    while todo:
        name = todo.pop()
        seen.add(name)
        out = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}", name], capture_output=True,
                             text=True).stdout
        todo |= {re.split(r"[ :(]", d.strip())[0] for d in out.split(",") if d.strip()} - seen
    return seen


def owner(path):
    """The package of a file, which dpkg may know with or without /usr."""
    real = str(pathlib.Path(path).resolve())
    for name in (path, real, "/usr" + path, real.removeprefix("/usr")):
        out = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True).stdout
        if out:
            return out.split(":")[0]
    return None


class Dockerfile(unittest.TestCase):
    def test_packages_come_from_the_one_list(self):
        runs = [rest for word, rest in instructions() if word == "RUN"]
        installs = [re.search(r"scripts/install (\w+)", run).group(1) for run in runs
                    if "scripts/install" in run]
        self.assertEqual(installs, ["build", "clients", "image"])
        for of_set in installs:
            self.assertTrue(packages(of_set))
        self.assertFalse([run for run in runs if "apt-get" in run or "apt " in run])

    def test_image_has_every_library_the_server_loads(self):
        loaded = subprocess.run(["ldd", sluice_binary()], check=True, capture_output=True,
                                text=True).stdout
        provided = closure(packages("image")) | STANDARD
        for path in re.findall(r"=> (/\S+)", loaded):
            if re.search(r"/lib(asan|tsan|ubsan)\.", path):
                self.skipTest("a sanitizer build links other libraries")
            self.assertIn(owner(path), provided, path)

    def test_what_is_copied_is_there_and_enough_to_configure(self):
        tree = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
        self.addCleanup(shutil.rmtree, tree)
        stage = None
        for word, rest in instructions():
            if word == "FROM":
                stage = rest.split()[-1]
            if word == "COPY" and not rest.startswith("--from"):
                *sources, target = rest.split()
                for source in sources:
                    self.assertTrue((ROOT / source).exists(), source)
                    if stage == "build":
                        copy(ROOT / source, tree / target)
        cmake = next(rest for word, rest in instructions()
                     if word == "RUN" and rest.startswith("cmake"))
        configure = shlex.split(cmake.split("&&")[0])
        done = subprocess.run(configure, cwd=tree, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_bases_are_debian_by_its_plain_name(self):
        bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
        self.assertEqual(set(bases), {"debian:bookworm", "debian:bookworm-slim"})


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
        cls.volumes = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["volumes"]

    def test_services(self):
        self.assertEqual(set(self.services),
                         {"mosquitto", "sluice", "producer", "worker-1", "worker-2"})
        for name in ("mosquitto", "sluice"):
            self.assertIn("test", self.services[name]["healthcheck"])
        self.assertNotEqual(self.services["worker-1"]["command"],
                            self.services["worker-2"]["command"])

    def test_everybody_waits_for_a_healthy_server(self):
        self.assertEqual(self.services["sluice"]["depends_on"],
                         {"mosquitto": {"condition": "service_healthy"}})
        for name in ("producer", "worker-1", "worker-2"):
            self.assertEqual(self.services[name]["depends_on"],
                             {"sluice": {"condition": "service_healthy"}})

    def test_mounted_files_and_volumes_are_there(self):
        for service in self.services.values():
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((COMPOSE / source).is_file(), source)
                else:
                    self.assertIn(source, self.volumes)

    def test_targets_and_programs_are_there(self):
        stages = {rest.split()[-1] for word, rest in instructions() if word == "FROM"}
        for service in self.services.values():
            if "build" in service:
                self.assertIn(service["build"]["target"], stages)
                self.assertTrue((COMPOSE / service["build"]["context"] /
                                 service["build"]["dockerfile"]).is_file())
            for word in service.get("command", ()):
                if word.endswith(".py"):
                    self.assertTrue((ROOT / word).is_file(), word)

    def test_the_servers_configuration_is_accepted(self):
        """As far as the data directory, which is not ours to use here."""
        text = (COMPOSE / "sluice.toml").read_text()
        with tempfile.TemporaryDirectory(prefix="sluice-e2e-") as folder:
            path = pathlib.Path(folder) / "sluice.toml"
            path.write_text(text.replace("/var/lib/sluice", "/proc/sluice"))
            done = subprocess.run([sluice_binary(), "serve", "--config", str(path)],
                                  capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("/proc/sluice", done.stderr)

    def test_the_brokers_configuration_is_accepted(self):
        text = (COMPOSE / "mosquitto.conf").read_text()
        for line in text.split("\n"):
            word = line.split(" ")[0]
            self.assertIn(word, {"", "#", "listener", "allow_anonymous", "persistence",
                                 "persistence_location"})


if __name__ == "__main__":
    main()
