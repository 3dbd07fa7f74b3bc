#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: what bash completes is what the program has and takes: verbs, options, keys, values."""

import json
import os
import re
import shutil
import subprocess
import tempfile

TOP = os.environ.get("TOP_SRCDIR", ".")
PROGRAM = os.path.abspath(os.environ.get("DPA_BIN", "./disk-pressure-agent"))
LIBRARY = "/usr/share/bash-completion/bash_completion"
SCRIPT = os.path.join(TOP, "completion/disk-pressure-agent")

# What readline does when Tab is pressed at the end of "$1"; the words are "${@:2}".
TAB = f"""
compopt() {{ :; }}
source {LIBRARY} && source '{SCRIPT}' || exit 1
COMP_LINE=$1 COMP_POINT=${{#1}} COMP_WORDS=("${{@:2}}") COMP_CWORD=$(($# - 2)) COMPREPLY=()
_disk_pressure_agent "$2" "${{@: -1}}" "${{@: -2:1}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


class Skip(Exception):
    pass


def require(condition, text):
    if not condition:
        raise AssertionError(text)


def same(got, want, what):
    require(sorted(got) == sorted(want), f"{what}\ngot  {sorted(got)}\nwant {sorted(want)}")


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=30, check=False)


def complete(line, program=PROGRAM, folder="/", **environment):
    """The answers to `line` + Tab, where the line stands behind the program's name."""
    words = [program] + [word for part in line.split(" ")[1:] for word in re.findall(r"[=:]+|[^=:]+", part) or [""]]
    if line.endswith(("=", ":")):
        words.append("")        # readline begins a new word behind these
    done = subprocess.run(["bash", "--norc", "-c", TAB, "bash", program + line, *words], capture_output=True, text=True,
                          timeout=30, check=False, cwd=folder, env={**os.environ, **environment})
    require(done.returncode == 0 and not done.stderr, f"{line!r}: {done.stderr}")
    return [word for word in done.stdout.splitlines() if word]


def verbs():
    return re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M)


def sections():
    return json.loads(run("config", "show", "--defaults", "--json").stdout)


def check_verbs():
    same([word for word in complete(" ") if not word.startswith("-")], verbs(), "verbs")
    same(complete(" ver"), ["version"], "verbs that begin with ver")
    same(complete(" --config /dev/null ver"), ["version"], "behind an option with a value")


def takes(verb, option):
    """Whether the verb takes the option. Nothing is done: the configuration is not there."""
    value = {"--to": ["50"], "--as": ["kubelet"]}.get(option, [])
    return "does not belong to this verb" not in run(verb, option, *value, "--config=/nonexistent/none").stderr


def check_options():
    all_options = set(re.findall(r"--[a-z-]+", run("--help").stdout)) - {"--help"}
    common = {word for word in complete(" --") if word.startswith("--")}
    same(common, ["--config", "--root", "--set", "--help"], "options without a verb")
    for verb in verbs():
        offered = set(complete(f" {verb} --"))
        require(common <= offered, f"{verb}: {common - offered} are missing")
        for option in all_options - common:
            require(takes(verb, option) == (option in offered), f"{verb} {option}: offered {option in offered}")


def check_words_of_config():
    same([word for word in complete(" config ") if not word.startswith("-")], ["check", "show"], "config")
    same(complete(" config show c"), [], "one is enough")


def check_keys():
    want = [f"{section}.{key}=" for section, keys in sections().items() for key in keys]
    same(complete(" --set "), want, "keys")
    same(complete(" --set="), want, "keys behind --set=")
    same(complete(" status --set agent.log-l"), ["agent.log-level="], "one key")


def check_values():
    words = {f"{section}.{key}": complete(f" --set {section}.{key}=") for section, keys in sections().items() for key in keys}
    for key, offered in words.items():
        for word in offered:
            said = run("--config", "/dev/null", "--set", f"{key}={word}", "config", "check")
            require(said.returncode == 0 or "together" in said.stderr, f"{key}={word} is offered: {said.stderr}")
    same(words["agent.dry-run"], ["yes", "no"], "agent.dry-run")
    same(words["agent.log-level"], ["error", "warning", "notice", "info", "debug"], "agent.log-level")
    same(words["filesystems.nodefs"], ["auto"], "filesystems.nodefs")
    same(words["image-gc.imageMinimumGCAge"], [], "a duration")
    same(complete(" --set=agent.log-level=no"), ["notice"], "a value behind two equals signs")


def check_whose_rules():
    for verb in ("plan", "simulate"):
        offered = complete(f" {verb} --as ")
        require(offered, f"{verb} --as")
        for who in offered:
            said = run(verb, "--as", who, "--config=/nonexistent/none", *(["/nonexistent"] if verb == "simulate" else [])).stderr
            require("--as" not in said, f"{verb} --as {who}: {said}")
    same(complete(" simulate --as=kub"), ["kubelet"], "simulate --as=kub")
    same(complete(" plan --to "), [], "a percentage")


def check_files():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/sub")
        for name in ("a.json", "a.conf", "a.txt"):
            with open(f"{folder}/{name}", "w", encoding="utf-8"):
                pass
        same(complete(" simulate ", folder=folder), ["a.json", "sub"], "scenarios")
        same(complete(" simulate a.json ", folder=folder), ["a.json", "sub"], "more of them")
        same(complete(" --config ", folder=folder), ["a.conf", "sub"], "configurations")
        same(complete(" --root ", folder=folder), ["sub"], "directories")


def check_program_that_is_not_there():
    same(complete(" ", program="/nonexistent/disk-pressure-agent"), [], "nothing, and without a word")


def check_program_by_name():
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(PROGRAM, f"{folder}/disk-pressure-agent")
        environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
        same(complete(" ver", program="disk-pressure-agent", **environment), ["version"], "found in PATH")


CHECKS = [check_verbs, check_options, check_words_of_config, check_keys, check_values, check_whose_rules, check_files,
          check_program_that_is_not_there, check_program_by_name]


def main():
    if not shutil.which("bash") or not os.path.exists(LIBRARY):
        print("1..0 # SKIP bash-completion is not installed")
        return
    print(f"1..{len(CHECKS)}")
    for number, check in enumerate(CHECKS, 1):
        title = f"{number} - {check.__name__.removeprefix('check_').replace('_', ' ')}"
        try:
            check()
            print(f"ok {title}")
        except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
            print(f"not ok {title}")
            print("".join(f"# {line}\n" for line in f"{type(problem).__name__}: {problem}".splitlines()), end="")


if __name__ == "__main__":
    main()
