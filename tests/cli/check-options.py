#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: the command line of the built program on a host that has no runtime: options, exit codes, output."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

TOP = os.environ.get("TOP_SRCDIR", ".")
PROGRAM = os.environ.get("DPA_BIN", "./disk-pressure-agent")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tests", "lab"))

from lib import check  # noqa: E402

DONE, BAD_ANSWER, IMPOSSIBLE = 0, 1, 2

# Every verb as it is called, and the options that it takes.
VERBS = {
    "run": {"--dry-run", "--enforce"},
    "status": {"--json"},
    "plan": {"--json", "--to", "--as"},
    "gc": {"--json", "--to", "--dry-run"},
    "images": {"--json"},
    "check": set(),
    "inventory": {"--json"},
    "simulate": {"--compare", "--json", "--as"},
    "config": {"--json", "--defaults"},
    "version": set(),
}
OPTIONS = {"--json": [], "--dry-run": [], "--enforce": [], "--to": ["50"], "--as": ["kubelet"], "--defaults": []}
PRESSURE = ("--set", "image-gc.imageGCHighThresholdPercent=1", "--set", "image-gc.imageGCLowThresholdPercent=0")


class Host:
    """A host of its own: the program finds no runtime, no kubelet, no configuration and no agent there."""

    def __init__(self, folder):
        self.root = os.path.join(folder, "root")
        self.config = os.path.join(folder, "agent.conf")
        os.makedirs(self.root)
        self.configure()

    def configure(self, **sections):
        sections.setdefault("agent", {"state-directory": os.path.join(os.path.dirname(self.config), "state")})
        sections.setdefault("http", {"listen": f"unix:{os.path.dirname(self.config)}/agent.sock"})
        with open(self.config, "w", encoding="utf-8") as file:
            for section, keys in sections.items():
                file.write(f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))

    def ask(self, *arguments, expect=None, **more):
        answer = ask("--config", self.config, "--root", self.root, *arguments, **more)
        if expect is not None:
            check.equal(answer.returncode, expect, f"exit code of {arguments}, which says {answer.stderr!r}")
        return answer


def ask(*arguments, **more):
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([PROGRAM, *arguments], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=30,
                          check=False, encoding="utf-8", errors="surrogateescape", **more)


def refused(answer, code, *words):
    """Nothing but one line on standard error that has all the words."""
    what = f"{answer.args[1:]}"
    check.equal(answer.returncode, code, f"exit code of {what}, which says {answer.stderr!r}")
    check.equal(answer.stdout, "", f"standard output of {what}")
    check.equal(answer.stderr.count("\n"), 1, f"lines of {what} on standard error: {answer.stderr!r}")
    for word in words:
        check.true(word in answer.stderr, f"{what} names {word!r}", answer.stderr)


def one_document(answer):
    text = answer.stdout
    document, end = json.JSONDecoder().raw_decode(text)
    check.equal(text[end:], "\n", f"behind the document of {answer.args[1:]}")
    return document


def one_line(answer):
    check.equal(answer.stdout.count("\n"), 1, f"lines of {answer.stdout!r}")
    check.within(len(answer.stdout) - 1, 1, 80, "characters")
    check.true(answer.stdout[:-1].isprintable(), "every character can be printed", answer.stdout)
    return answer.stdout[:-1]


# --- what there is --------------------------------------------------------------------------------------

def test_help(_):
    text = ask("--help")
    check.equal((text.returncode, text.stderr), (DONE, ""), "--help")
    listed = re.findall(r"^  ([a-z]+)( .*?)?   ?(\S.*)$", text.stdout, re.M)
    check.equal([verb for verb, _, _ in listed], list(VERBS), "verbs in --help")
    for verb, synopsis, _ in listed:
        check.equal(set(re.findall(r"--[a-z-]+", synopsis)), VERBS[verb], f"options of {verb} in --help")
    columns = {line.index(words) for line in text.stdout.splitlines() for _, _, words in listed
               if line.startswith("  ") and not line.startswith("  --") and line.endswith(words)}
    check.equal(len(columns), 1, "descriptions begin in one column")
    for verb in VERBS:
        check.equal(ask(verb, "--help").stdout, text.stdout, f"{verb} --help")
        check.equal(ask("--help", verb).stdout, text.stdout, f"--help {verb}")


def test_version(_):
    for arguments in (["version"], ["--version"]):
        answer = ask(*arguments)
        check.equal((answer.returncode, answer.stderr), (DONE, ""), f"{arguments}")
        check.true(re.fullmatch(r"disk-pressure-agent [0-9.]+\n", answer.stdout), f"{arguments}", answer.stdout)


# --- wrong usage ----------------------------------------------------------------------------------------

def test_unknown_verbs(_):
    for verb in ("", "Status", "statu", "statuses", "gc ", "help", "/bin/true", "\u00e4", "x" * 5000):
        refused(ask(verb), IMPOSSIBLE, "no such verb", verb, "--help")


def test_unknown_options(_):
    for options in (["--no-such-option"], ["-x"], ["-j"], ["--jsonx"], ["--json=yes"], ["--dry-run=no"]):
        refused(ask("status", *options), IMPOSSIBLE)
        refused(ask(*options, "status"), IMPOSSIBLE)
    for option in ("--config", "--root", "--set", "--to", "--as"):
        refused(ask("plan", option), IMPOSSIBLE, option)


def test_options_of_other_verbs(host):
    for verb, takes in VERBS.items():
        for option, value in OPTIONS.items():
            if option in takes:
                continue
            refused(host.ask(verb, option, *value), IMPOSSIBLE, "does not belong to this verb", f": {verb}")
            refused(host.ask(option, *value, verb), IMPOSSIBLE, "does not belong to this verb", f": {verb}")
    # without a verb it is run
    refused(host.ask("--json"), IMPOSSIBLE, ": run")


def test_arguments_behind_the_verb(host):
    for verb in VERBS:
        if verb not in ("simulate", "config"):
            refused(host.ask(verb, "more"), IMPOSSIBLE, "unexpected argument more")
            refused(host.ask(verb, ""), IMPOSSIBLE, "unexpected argument")
    refused(host.ask("status", "--", "--json"), IMPOSSIBLE, "unexpected argument --json")
    for arguments in ([], ["nothing"], ["check", "more"], ["show", "more"]):
        refused(host.ask("config", *arguments), IMPOSSIBLE, "config")
    for arguments in ([], ["one", "two"]):
        refused(host.ask("simulate", *arguments), IMPOSSIBLE)


def test_target(host):
    for value in ("-1", "100", "101", "", " 5", "5 ", "5%", "0x5", "1e1", "5.0", "+5", "nan", "9" * 30, "five"):
        for verb in ("plan", "gc"):
            refused(host.ask(verb, f"--to={value}"), IMPOSSIBLE, "--to", "0 to 99", value)
    for value in ("0", "1", "50", "99"):
        answer = host.ask("plan", "--to", value, expect=IMPOSSIBLE)
        check.true("no container runtime" in answer.stderr, f"--to {value} is taken", answer.stderr)


def test_rules_to_go_by(host):
    for value in ("", "kubelets", "Kubelet", "kubelet,", ",kubelet", "agent,docker", "agent kubelet"):
        for verb in ("plan", "simulate"):
            refused(host.ask(verb, f"--as={value}"), IMPOSSIBLE, "--as", "kubelet", value)


def test_run_either_way(host):
    for options in (["--dry-run", "--enforce"], ["--enforce", "--dry-run"]):
        refused(host.ask("run", *options), IMPOSSIBLE, "--dry-run", "--enforce", "exclude")


def test_root(host):
    for value in ("", "relative", "./here", "~"):
        refused(ask("--config", host.config, "status", f"--root={value}"), IMPOSSIBLE, "--root", "absolute", value)
    for value in (host.root + "/", host.root + "//"):
        ask_status = ask("--config", host.config, "--root", value, "status")
        check.equal(ask_status.returncode, DONE, f"exit code with --root {value}")


# --- configuration --------------------------------------------------------------------------------------

def test_overrides(host):
    bad = {
        "nothing": "nothing", "": "--set", "=": "--set", "image-gc=1": "image-gc", "image-gc.=1": "image-gc",
        ".imageGCHighThresholdPercent=1": "imageGCHighThresholdPercent", "image-gc.nothing=1": "nothing",
        "nothing.imageGCHighThresholdPercent=1": "nothing", "image-gc.imageGCHighThresholdPercent": "--set",
        "image-gc.imageGCHighThresholdPercent=many": "many", "image-gc.imageGCHighThresholdPercent=101": "101",
        "image-gc.imageGCHighThresholdPercent=-1": "-1", "image-gc.imageGCHighThresholdPercent=5": "Low",
        "agent.log-level=loud": "loud",
    }
    for text, named in bad.items():
        for verb in (["status"], ["plan"], ["gc"], ["images"], ["run"], ["config", "check"], ["config", "show"]):
            refused(host.ask(*verb, "--set", text), BAD_ANSWER, "--set", named)
        line = one_line(host.ask("check", "--set", text, expect=IMPOSSIBLE))
        check.true(line.startswith("unknown"), "check says that it does not know", line)
    # the last one counts, and one that is good does not excuse one that is not
    good = "image-gc.imageGCHighThresholdPercent=90"
    shown = host.ask("config", "show", "--json", "--set", "image-gc.imageGCHighThresholdPercent=85", "--set", good,
                     expect=DONE)
    check.equal(one_document(shown)["image-gc"]["imageGCHighThresholdPercent"], 90, "the last --set")
    refused(host.ask("status", "--set", good, "--set", "x.y=z"), BAD_ANSWER, "x")


def test_files(host):
    folder = os.path.dirname(host.config)
    missing = os.path.join(folder, "missing.conf")
    for verb in (["status"], ["plan"], ["config", "check"], ["config", "show"], ["run"]):
        refused(ask("--config", missing, *verb), IMPOSSIBLE, missing, "No such file")
        refused(ask("--config", folder, *verb), IMPOSSIBLE, folder)
        host.configure(nothing={"a": "b"})
        refused(host.ask(*verb), BAD_ANSWER, f"{host.config}:")
        host.configure()
    check.true("unknown" in one_line(ask("--config", missing, "check")), "check says that it does not know")
    check.equal(host.ask("config", "check", expect=DONE).stdout, f"{host.config}: OK\n", "config check")
    for arguments in (["check", "--json"], ["check", "--defaults"]):
        refused(host.ask("config", *arguments), IMPOSSIBLE, "config show")


# --- answers --------------------------------------------------------------------------------------------

def test_options_anywhere(host):
    for arguments in (["status", "--json"], ["--json", "status"], ["--json", "--", "status"]):
        check.true("filesystems" in one_document(host.ask(*arguments, expect=DONE)), f"{arguments}")
    with_equals = ask(f"--config={host.config}", "status", f"--root={host.root}", "--json")
    check.equal(one_document(with_equals)["runtimes"], [], "options with an equals sign")


def test_documents(host):
    """One JSON document and nothing else on standard output."""
    status = host.ask("status", "--json", expect=DONE)
    check.equal(status.stderr, "", "status has nothing to complain about")
    one_document(status)
    for arguments in (["config", "show", "--json"], ["config", "show", "--defaults", "--json"]):
        answer = host.ask(*arguments, expect=DONE)
        check.equal(answer.stderr, "", f"{arguments} has nothing to complain about")
        one_document(answer)
    for verb in ("plan", "gc"):
        answer = host.ask(verb, "--json", expect=IMPOSSIBLE)
        only = one_document(answer)["passes"][0]
        check.equal(only["result"], "error", f"result of {verb}")
        check.equal(only["dryRun"], verb == "plan", f"dryRun of {verb}")
        check.equal((only["removed"], only["kept"]), ([], []), f"images of {verb}")
        check.true("no container runtime" in only["error"], f"{verb} --json says why", only)
    for verb in ("images", "inventory"):
        answer = host.ask(verb, "--json", expect=IMPOSSIBLE)
        if answer.stdout:
            one_document(answer)


def test_no_runtime(host):
    answer = host.ask("status", expect=DONE)
    for words in ("nodefs", "runtime: none found on this host", "agent: not running"):
        check.true(words in answer.stdout, f"status says {words!r}", answer.stdout)
    check.true(not re.search(r" $", answer.stdout, re.M), "no line ends in a space", answer.stdout)
    for verb in ("plan", "gc", "images", "inventory"):
        refused(host.ask(verb), IMPOSSIBLE, "no container runtime found", f"{host.root}/run/containerd/containerd.sock")
    refused(host.ask("gc", "--dry-run"), IMPOSSIBLE, "no container runtime found")
    state = os.path.join(os.path.dirname(host.config), "state")
    for verb in ("status", "plan", "images", "check"):
        shutil.rmtree(state, ignore_errors=True)
        host.ask(verb)
        check.true(not os.path.exists(state), f"{verb} writes nothing")


def test_runtime_that_is_not_there(host):
    endpoint = f"unix://{host.root}/run/none.sock"
    host.configure(runtime={"endpoint": endpoint})
    answer = host.ask("status")
    check.true("none.sock" in answer.stdout, "status says what is missing", answer.stdout)
    check.true("none found on this host" not in answer.stdout, "as it is configured", answer.stdout)
    refused(host.ask("plan"), IMPOSSIBLE, "none.sock")
    line = one_line(host.ask("check", expect=IMPOSSIBLE))
    check.true(line.startswith("unknown: "), "check does not know", line)


def test_exit_codes_of_pressure(host):
    check.equal(host.ask("status", expect=DONE).returncode, DONE, "status")
    fine = one_line(host.ask("check", expect=DONE))
    check.true(re.match(r"nodefs \d+%", fine), "check says how full it is", fine)
    host.configure(filesystems={"imagefs": "/"})
    arguments = PRESSURE
    check.true("PRESSURE" in host.ask("status", *arguments, expect=BAD_ANSWER).stdout, "status shows pressure")
    active = [p for f in one_document(host.ask("status", "--json", *arguments, expect=BAD_ANSWER))["filesystems"]
              for p in f["pressure"] if p["active"]]
    check.true(active, "status --json shows pressure")
    check.true("PRESSURE" in one_line(host.ask("check", *arguments, expect=BAD_ANSWER)), "check says pressure")


def test_check_that_does_not_know(host):
    """Whatever it has to say, it is one line of 80 characters that can be printed."""
    for path in ("/no/such/place", "/no/" + "x" * 180, "/no/\u00e4" + "\u00f6" * 70, "/no/\u20ac" + "\u20ac" * 50):
        host.configure(filesystems={"nodefs": path})
        line = one_line(host.ask("check", expect=IMPOSSIBLE))
        check.true(line.startswith("unknown: "), "check does not know", line)
        check.true(len(host.root) > 60 or "/no/" in line, "check says where", line)
        check.true(len(path) < 40 or len(line) == 80, "nothing is cut off without need", line)


def test_text_from_outside(host):
    """Text that would move the cursor is shown as it is, on its line; a document keeps it."""
    hostile = os.path.join(host.root, "a\033[2Jb\nc\u009bd\udcffe")
    for verb in (["status"], ["plan"], ["gc"], ["images"], ["check"]):
        answer = ask("--config", host.config, "--root", hostile, *verb)
        said = answer.stdout + answer.stderr
        check.true(not re.search("[^\n -~\ufffd]", said), f"{verb} prints what can be printed", repr(said))
        check.true("/a?[2Jb?c?d" in said, f"{verb} says where", said)
    document = one_document(ask("--config", host.config, "--root", hostile, "status", "--json"))
    check.true("/a\033[2Jb\nc\u009bd" in document["filesystems"][0]["error"], "the path in the document", document)


# --- where it goes --------------------------------------------------------------------------------------

def on_a_terminal(host, *arguments, **environment):
    ours, theirs = pty.openpty()
    done = host.ask(*arguments, stdout=theirs, env={**os.environ, **environment})
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    return done, text


def test_colours(host):
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    check.true("\033" not in host.ask("status", env=environment).stdout, "no colours in a pipe")
    os.environ.pop("NO_COLOR", None)
    check.true("\033[1m" in on_a_terminal(host, "status")[1], "headings stand out on a terminal")
    check.true("\033[1m" in on_a_terminal(host, "status", NO_COLOR="")[1], "NO_COLOR that is empty")
    check.true("\033" not in on_a_terminal(host, "status", NO_COLOR="1")[1], "NO_COLOR=1")
    check.true("\033" not in on_a_terminal(host, "status", "--json")[1], "no colours in JSON")


def test_closed_streams(host):
    """What the program opens does not become its standard output."""
    shell = 'exec "$@" '
    for verb in (["status"], ["status", "--json"], ["config", "show"], ["version"], ["--help"], ["check"]):
        command = ["/bin/sh", "-c", shell + ">&-", "sh", PROGRAM, "--config", host.config, "--root", host.root, *verb]
        done = subprocess.run(command, stderr=subprocess.PIPE, timeout=30, check=False)
        check.equal(done.returncode, IMPOSSIBLE, f"exit code of {verb} without standard output")
        check.true(done.stderr, f"{verb} says that nobody hears it")
    closed = ["/bin/sh", "-c", shell + "<&- 2>&-", "sh", PROGRAM, "--config", host.config, "--root", host.root]
    done = subprocess.run([*closed, "status", "--json"], stdout=subprocess.PIPE, timeout=30, check=False)
    check.equal(done.returncode, DONE, "exit code without standard input and error")
    check.true("filesystems" in json.loads(done.stdout), "the status")
    done = subprocess.run([*closed, "gc"], stdout=subprocess.PIPE, timeout=30, check=False)
    check.equal((done.returncode, done.stdout), (IMPOSSIBLE, b""), "gc without anyone to tell")


def test_closed_streams_of_the_daemon(host):
    """Nothing that it opens takes their place: its log would go there."""
    folder = os.path.dirname(host.config)
    shell = 'exec "$@" <&- >&- 2>&-'
    daemon = subprocess.Popen(["/bin/sh", "-c", shell, "sh", PROGRAM, "--config", host.config, "--root", host.root,
                               "run", "--dry-run"])
    try:
        check.wait_for(lambda: os.path.exists(f"{folder}/agent.sock"), 10, "the daemon's socket")
        streams = [os.readlink(f"/proc/{daemon.pid}/fd/{number}") for number in range(3)]
        check.equal(streams, ["/dev/null"] * 3, "standard streams of the daemon")
    finally:
        daemon.terminate()
        daemon.wait(20)
    check.equal(daemon.returncode, DONE, "exit code of the daemon")


# --- running them ---------------------------------------------------------------------------------------

def run_one(number, test):
    title = test.__name__.removeprefix("test_")
    folder = tempfile.mkdtemp(prefix="dpa-cli-")
    try:
        test(Host(folder))
        print(f"ok {number} - {title}")
    except check.Skip as why:
        print(f"ok {number} - {title} # SKIP {why}")
    except Exception:
        print(f"not ok {number} - {title}")
        print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()


def main():
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        run_one(number, test)


if __name__ == "__main__":
    main()
