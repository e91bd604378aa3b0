"""Words about files are true: every file that a document or a comment names exists, and the
packet table of README.md has every control packet with its handler and the next file.
"""

import re

import tree

PACKETS = ["CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
           "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"]

# A file name as documents write them: `proxy/server.h`, or a pair as `proxy/server.h/.cc`.
SUFFIX = r"(?:h|cc|py|sh|md|toml|yaml|yml|conf|txt|json)"
FILE = re.compile(rf"(?<![\w./<$-])((?:[\w.-]+/)*[\w-][\w.-]*\.{SUFFIX})"
                  rf"((?:/\.{SUFFIX})*)(?![\w/])")
SCRIPT = re.compile(r"(?<![\w./-])((?:scripts|\.ci|compose)/[\w.-]*[\w])")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")

# Headers of libraries, not ours.
FOREIGN = re.compile(r"^(leveldb|mqtt|boost|sys|openssl)/|^MQTT\w+\.h$")


class Names:
    """The files there are, by full name and by their last part."""

    def __init__(self):
        self.full = {p.as_posix() for p in tree.files()}
        self.folders = {parent.as_posix() for p in tree.files() for parent in p.parents}
        self.last = {p.name for p in tree.files()}

    def has(self, name, near):
        beside = (near.parent / name).as_posix()
        if name in self.full or beside in self.full or name.rstrip("/") in self.folders:
            return True
        if "/" not in name:
            return name in self.last
        return any(full.endswith("/" + name) for full in self.full)


def named_files(text):
    """Every file name in a piece of prose: (name, position)."""
    for match in FILE.finditer(text):
        stem = match.group(1)
        if FOREIGN.match(stem):
            continue
        yield stem, match.start()
        for other in re.findall(r"/(\.\w+)", match.group(2)):
            yield re.sub(r"\.\w+$", other, stem), match.start()
    for match in SCRIPT.finditer(text):
        yield match.group(1), match.start()


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def comments(path, source):
    """The source with everything but its comments blanked out; line numbers stay."""
    if path.suffix in {".h", ".cc"}:
        return re.sub(r"(?m)^((?:[^/\n]|/(?!/))*)(?=//|$)", blank, source)
    return re.sub(r"(?m)^[^#\n]*(?=#|$)", blank, source)


def prose(path):
    source = tree.text(path)
    if path.suffix == ".md":
        # Fenced blocks show commands and examples whose files need not be ours.
        return re.sub(r"(?ms)^```.*?^```", blank, source)
    return comments(path, source)


def check_names(names):
    for path in tree.files(".md", ".h", ".cc", ".py", ".sh", ".txt"):
        text = prose(path)
        for name, at in named_files(text):
            if not names.has(name, path):
                yield f"{path}:{text.count(chr(10), 0, at) + 1}: names {name}, which is not there"


def check_links(names):
    for path in tree.files(".md"):
        text = prose(path)
        for match in LINK.finditer(text):
            target = match.group(1)
            if "://" not in target and not names.has(target, path):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path}:{line}: links to {target}, which is not there"


def packet_rows():
    """packet -> the file names of its row in README.md."""
    rows = {}
    for line in tree.text("README.md").split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        for packet in re.findall(r"[A-Z]+", cells[0]) if line.startswith("|") else []:
            if packet in PACKETS:
                rows.setdefault(packet, []).extend(re.findall(r"`([\w/.]+\.(?:cc|h))`", line))
    return rows


def check_packet_table(names):
    if "README.md" not in names.full:
        yield "README.md is missing"
        return
    rows = packet_rows()
    for packet in PACKETS:
        if len(set(rows.get(packet, []))) < 2:
            yield f"README.md: the packet table has no row for {packet} with handler and next file"
    named = {name for row in rows.values() for name in row}
    for path in sorted(names.full):
        if re.fullmatch(r"proxy/handlers/\w+\.cc", path) and path not in named:
            yield f"README.md: {path} is not in the packet table"


def main():
    names = Names()
    problems = [*check_names(names), *check_links(names), *check_packet_table(names)]
    tree.finish("docs", problems)


main()
