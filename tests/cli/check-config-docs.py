#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The key table of the program, etc/agent.conf and disk-pressure-agent.conf(5) say the same."""

import json
import os
import re
import shutil
import subprocess
import tempfile

TOP = os.environ.get("TOP_SRCDIR", ".")
PROGRAM = os.environ.get("DPA_BIN", "./disk-pressure-agent")
MAN = os.path.join(TOP, "docs/disk-pressure-agent.conf.5")


def run(*args, expect=0):
    """Runs the program without anybody's configuration; returns (stdout, stderr)."""
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != expect:
        raise AssertionError(f"{args}: exit {done.returncode}, not {expect}: {done.stderr}")
    return done.stdout, done.stderr


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def keys_of_ini(text, prefix=""):
    """[(section, key, value)] of lines that begin with prefix."""
    section, found = None, []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        pair = re.fullmatch(re.escape(prefix) + r"([A-Za-z-]+) =(?: (.*))?", line)
        if pair:
            found.append((section, pair[1], pair[2] or ""))
    return found


def keys_of_man(text):
    """The same of the man page: .Ss Section Bq NAME, .It Ic KEY, and the default at its end."""
    found = []
    keys = text[text.index(".Sh KEYS"):text.index(".Sh FILES")]
    for part in re.split(r"^\.Ss Section Bq ", keys, flags=re.M)[1:]:
        section = part.split("\n", 1)[0]
        for item in re.split(r"^\.It Ic ", part, flags=re.M)[1:]:
            default = re.findall(r"^Default:(?: empty\.|\n\.Ql (.*) \.)$", item, flags=re.M)
            if len(default) != 1:
                raise AssertionError(f"{item.split()[0]} has {len(default)} defaults")
            found.append((section, item.split()[0], default[0]))
    return found


def same(a, b):
    if a != b:
        raise AssertionError("\n".join(["differ:", *map(str, set(a) ^ set(b)), "or in order"]))


def shipped_file_is_the_table():
    out, _ = run("config", "show", "--defaults")
    same(out.splitlines(True), read("etc/agent.conf").splitlines(True))


def man_page_has_every_key():
    same(keys_of_man(read(MAN)), keys_of_ini(read("etc/agent.conf"), "#"))


def defaults_are_effective():
    out, _ = run("--config", "/dev/null", "config", "show")
    same(keys_of_ini(out), keys_of_ini(read("etc/agent.conf"), "#"))


def shipped_file_is_accepted():
    path = os.path.join(TOP, "etc/agent.conf")
    out, _ = run("--config", path, "config", "check")
    same(out, f"{path}: OK\n")


def shown_configuration_loads_to_the_same():
    path = os.path.join(TOP, "tests/data/config/good/everything.conf")
    first, _ = run("--config", path, "config", "show")
    with tempfile.TemporaryDirectory() as directory:
        copy = os.path.join(directory, "copy.conf")
        with open(copy, "w", encoding="utf-8") as f:
            f.write(first)
        second, _ = run("--config", copy, "config", "show")
    same(first, second)


def json_has_every_key():
    out, _ = run("--config", "/dev/null", "config", "show", "--json")
    document = json.loads(out)
    same([(s, k) for s in document for k in document[s]],
         [(s, k) for s, k, _ in keys_of_ini(read("etc/agent.conf"), "#")])
    same(json.loads(run("config", "show", "--defaults", "--json")[0]), document)
    if document["image-gc"]["imageGCHighThresholdPercent"] != 80:
        raise AssertionError("a percentage is no number")


def errors_have_their_place_and_exit_code():
    bad = os.path.join(TOP, "tests/data/config/bad/repeated.conf")
    for verb in "check", "show":
        out, err = run("--config", bad, "config", verb, expect=1)
        if out or f"{bad}:4: [agent] dry-run: already set" not in err:
            raise AssertionError(f"config {verb}: {out!r}, {err!r}")
    _, err = run("--config", "/dev/null", "--set", "agent.dryrun=yes", "config", "check", expect=1)
    if "--set agent.dryrun: unknown key; did you mean dry-run?" not in err:
        raise AssertionError(err)
    run("--config", "/nonexistent/agent.conf", "config", "check", expect=2)
    run("--config", TOP, "config", "check", expect=2)
    run("config", expect=2)
    run("config", "chekc", expect=2)
    run("config", "check", "more", expect=2)
    run("config", "check", "--json", expect=2)


def full_disk_is_reported():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([PROGRAM, "config", "show", "--defaults"], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    if done.returncode != 2 or "No space left" not in done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")


def man_page_is_clean():
    if not shutil.which("mandoc"):
        return "mandoc is not installed"
    done = subprocess.run(["mandoc", "-Tlint", MAN], capture_output=True, text=True, timeout=20,
                          check=False)
    # Whether other pages are installed is not this page's fault.
    wrong = [l for l in done.stdout.splitlines() if "referenced manual not found" not in l]
    same(wrong, [])
    return None


CASES = [
    shipped_file_is_the_table,
    man_page_has_every_key,
    defaults_are_effective,
    shipped_file_is_accepted,
    shown_configuration_loads_to_the_same,
    json_has_every_key,
    errors_have_their_place_and_exit_code,
    full_disk_is_reported,
    man_page_is_clean,
]


def main():
    failed = False
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        name = case.__name__.replace("_", " ")
        try:
            skip = case()
            print(f"ok {number} - {name}" + (f" # SKIP {skip}" if skip else ""))
        except (AssertionError, OSError, ValueError, subprocess.TimeoutExpired) as e:
            failed = True
            print(f"not ok {number} - {name}")
            print("\n".join("# " + line for line in str(e).splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
