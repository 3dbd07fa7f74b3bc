#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The pages of test-metrics are what Prometheus accepts, and docs/metrics.md lists every family."""

import os
import re
import shutil
import subprocess

TOP = os.environ.get("TOP_SRCDIR", ".")
PRINTER = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "tests/unit/test-metrics")

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LABEL = NAME + r'="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?|\+Inf")
SUFFIXES = {
    "gauge": [""],
    "counter": ["_total"],
    "histogram": ["_bucket", "_sum", "_count"],
}


class Skip(Exception):
    """Something that the check needs is not here."""


def page(kind):
    """The bytes of one page, so that no line ending is changed on the way."""
    return subprocess.run([PRINTER, "--print", kind], capture_output=True, timeout=20, check=True).stdout


def require(condition, text):
    if not condition:
        raise AssertionError(text)


class Family:
    """One family as its HELP and TYPE lines announce it."""

    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.samples = []  # (suffix, {label: value}, number)

    def labels(self):
        return {name for _, labels, _ in self.samples for name in labels if name != "le"}

    def check_histogram(self):
        """Buckets grow, end with +Inf, and agree with _count; a sum goes with each."""
        series = {}
        for suffix, labels, number in self.samples:
            key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
            series.setdefault(key, []).append((suffix, labels.get("le"), number))
        for key, samples in series.items():
            buckets = [(float(le), float(n)) for suffix, le, n in samples if suffix == "_bucket"]
            require(buckets == sorted(buckets), f"{self.name}{key}: buckets out of order")
            counts = [n for _, n in buckets]
            require(counts == sorted(counts), f"{self.name}{key}: buckets do not grow")
            require(buckets[-1][0] == float("inf"), f"{self.name}{key}: no +Inf")
            rest = [(suffix, float(n)) for suffix, _, n in samples if suffix != "_bucket"]
            require([s for s, _ in rest] == ["_sum", "_count"], f"{self.name}{key}: {rest}")
            require(rest[1][1] == counts[-1], f"{self.name}{key}: +Inf is not the count")


def parse_sample(family, line, openmetrics):
    found = SAMPLE.fullmatch(line)
    require(found, f"malformed: {line!r}")
    name, labels, number = found.groups()
    suffixes = SUFFIXES[family.kind]
    base = family.name
    if family.kind == "counter" and not openmetrics:
        base = base.removesuffix("_total")
    require(name in [base + s for s in suffixes], f"{line!r} is not of {family.name}")
    require(NUMBER.fullmatch(number), f"malformed number: {line!r}")
    pairs = re.findall(rf'({NAME})="((?:[^"\\]|\\.)*)"', labels or "")
    require(len(dict(pairs)) == len(pairs), f"a label twice: {line!r}")
    require(all(v for _, v in pairs), f"empty label: {line!r}")
    return name[len(base):], dict(pairs), number


def parse(data, openmetrics):
    """Strictly: HELP, TYPE, then samples, each family once and in one piece, each series once."""
    text = data.decode("utf-8")
    require(text.endswith("\n"), "no newline at the end")
    lines = text[:-1].split("\n")
    if openmetrics:
        require(lines.pop() == "# EOF", "no # EOF at the end")
    families, seen, i = {}, set(), 0
    while i < len(lines):
        announced = re.fullmatch(rf"# HELP ({NAME}) ([^\\\"]+\.)", lines[i])
        require(announced, f"no HELP: {lines[i]!r}")
        name = announced[1]
        typed = re.fullmatch(rf"# TYPE {name} (gauge|counter|histogram)", lines[i + 1])
        require(typed, f"no TYPE of {name}: {lines[i + 1]!r}")
        require(name not in families, f"{name} twice")
        require((typed[1] == "counter" and not openmetrics) == name.endswith("_total"), f"{name}: _total")
        family = families[name] = Family(name, typed[1])
        i += 2
        while i < len(lines) and not lines[i].startswith("#"):
            sample = parse_sample(family, lines[i], openmetrics)
            series = (name, sample[0], tuple(sorted(sample[1].items())))
            require(series not in seen, f"twice: {lines[i]!r}")
            seen.add(series)
            family.samples.append(sample)
            i += 1
        require(family.samples, f"{name} has no samples")
        if family.kind == "histogram":
            family.check_histogram()
    return families


def check_text():
    parse(page("text"), openmetrics=False)
    parse(page("hostile"), openmetrics=False)


def check_openmetrics():
    parse(page("openmetrics"), openmetrics=True)
    parse(page("hostile-openmetrics"), openmetrics=True)


def check_same_families():
    def key(family):
        return family.name.removesuffix("_total"), family.kind, family.samples

    text = parse(page("text"), openmetrics=False).values()
    openmetrics = parse(page("openmetrics"), openmetrics=True).values()
    require(list(map(key, text)) == list(map(key, openmetrics)), "the formats differ")


def check_promtool():
    if not shutil.which("promtool"):
        raise Skip("no promtool")
    for kind in ("text", "hostile"):
        done = subprocess.run(["promtool", "check", "metrics"], input=page(kind), timeout=60,
                              capture_output=True, check=False)
        said = (done.stdout + done.stderr).decode()
        require(done.returncode == 0 and not said.strip(), said)


def check_reference_parser():
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        raise Skip("no python3-prometheus-client") from None
    for kind in ("openmetrics", "hostile-openmetrics"):
        ours = parse(page(kind), openmetrics=True)
        theirs = list(text_string_to_metric_families(page(kind).decode("utf-8")))
        require([f.name for f in theirs] == list(ours), "the reference parser sees other families")


def check_checker():
    """The checker itself refuses what is wrong."""
    good = b"# HELP a_b A.\n# TYPE a_b gauge\na_b 1\n"
    parse(good, openmetrics=False)
    parse(good + b"# EOF\n", openmetrics=True)
    bad = [
        good + b"# EOF\n", good[:-1], good + good, b"a_b 1\n",
        good + b'a_b{x="\n"} 1\n', good + b'a_b{x="\\x"} 1\n', good + b'a_b{x="1",x="2"} 1\n',
        good + b'a_b{x="1"} nan\n', good + b"a_b 2\n", good + b"a_c 1\n", good + b"\n",
        good + b'a_b{x="\xff"} 1\n', good + b'a_b{x=""} 1\n', good.replace(b"gauge", b"counter"),
        b"# HELP h H.\n# TYPE h histogram\n" + b'h_bucket{le="1.0"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1.0\nh_count 1\n',
        b"# HELP h H.\n# TYPE h histogram\n" + b'h_bucket{le="1.0"} 1\nh_sum 1.0\nh_count 1\n',
    ]
    for data in bad:
        try:
            parse(data, openmetrics=False)
        except (AssertionError, UnicodeDecodeError):
            continue
        raise AssertionError(f"accepted {data!r}")


def documented():
    """{name: (type, {labels})} of the tables."""
    rows = {}
    with open(os.path.join(TOP, "docs/metrics.md"), encoding="utf-8") as f:
        for line in f:
            row = re.fullmatch(r"\| `(\w+)` \| (\w+) \| ([a-z, ]*) ?\| .+ \|\n", line)
            require(row or not line.startswith("| `"), f"not a row: {line!r}")
            if row:
                require(row[1] not in rows, f"{row[1]} twice")
                rows[row[1]] = row[2], {label for label in row[3].replace(",", " ").split()}
    return rows


def check_documented():
    rows = documented()
    families = parse(page("text"), openmetrics=False)
    rendered = {name: (f.kind, f.labels()) for name, f in families.items()}
    for name in rows.keys() | rendered.keys():
        require(rows.get(name) == rendered.get(name),
                f"{name}: docs/metrics.md says {rows.get(name)}, the page {rendered.get(name)}")


def check_manual_page():
    """Its text is made of docs/metrics.md; no row was lost on the way."""
    with open(os.path.join(os.environ.get("TOP_BUILDDIR", "."), "docs/disk-pressure-agent-metrics.7"), encoding="utf-8") as f:
        items = re.findall(r'^\.It Ic (\w+) Pq "(\w+)(?: by ([a-z, ]+))?"$', f.read(), re.M)
    page = {name: (kind, set(labels.replace(",", " ").split())) for name, kind, labels in items}
    require(page == documented(), f"differ: {set(page) ^ set(documented())}")


CHECKS = [check_checker, check_text, check_openmetrics, check_same_families, check_promtool,
          check_reference_parser, check_documented, check_manual_page]


def main():
    print(f"1..{len(CHECKS)}")
    failed = 0
    for number, check in enumerate(CHECKS, 1):
        name = check.__name__.removeprefix("check_")
        try:
            check()
            print(f"ok {number} - {name}")
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}")
        except (AssertionError, UnicodeDecodeError, OSError, subprocess.SubprocessError, ValueError) as e:
            failed += 1
            for line in str(e).splitlines():
                print(f"# {line}")
            print(f"not ok {number} - {name}")
    return failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
