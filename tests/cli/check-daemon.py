#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: the built program without any runtime and without root: its verbs, its daemon, and what that costs."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.environ.get("TOP_SRCDIR", ".")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tests", "lab"))

from lib import check                   # noqa: E402
from lib.agent import Agent, program    # noqa: E402

VERBS = ("run", "status", "plan", "gc", "images", "check", "inventory", "simulate", "config", "version")
OPTIONS = ("--config", "--root", "--set", "--json", "--dry-run", "--enforce", "--to", "--as", "--defaults", "--help",
           "--compare")


def node(folder, **settings):
    """An agent on a host that has nothing but the folder: no runtime answers, no kubelet is there."""
    host = os.path.join(folder, "host")
    os.makedirs(host, exist_ok=True)
    agent = Agent(os.path.join(folder, "a"), settings)
    agent.host = ("--root", host)
    return agent


def sanitized():
    """What sanitizers add to memory and descriptors says nothing about the program."""
    with open(program(), "rb") as file:
        return b"__asan_init" in (text := file.read()) or b"__tsan_init" in text


def bare(*arguments):
    return subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL, check=False)


# --- verbs -------------------------------------------------------------------------------------------

def test_help_and_version(_):
    text = bare("--help").stdout
    for word in VERBS:
        check.true(re.search(rf"^  {word}\b", text, re.M), f"--help shows {word}", text)
    check.true(re.fullmatch(r"disk-pressure-agent \S+\n", bare("version").stdout), "version", bare("version").stdout)


def test_manual_has_everything(_):
    with open(os.path.join(TOP, "docs", "disk-pressure-agent.8")) as file:
        page = file.read()
    for verb in VERBS:
        check.true(re.search(rf"^\.It Cm {verb}\b", page, re.M), f"the manual describes {verb}")
    for option in OPTIONS:
        check.true(option.replace("--", "-", 1) in page, f"the manual mentions {option}")
    for option in re.findall(r"--[a-z-]+", bare("--help").stdout):
        check.is_in(option, OPTIONS, "an option of --help is in the list of this test, and so in the manual")


def test_wrong_usage(_):
    for arguments in (["no-such-verb"], ["--no-such-option"], ["gc", "--to", "100"], ["gc", "--to", "x"],
                      ["status", "--to", "5"], ["version", "more"], ["config"], ["config", "check", "--json"],
                      ["--root", "relative", "status"], ["--config"], ["--set", "image-gc.nothing=1", "status"]):
        done = bare(*arguments)
        check.is_in(done.returncode, (1, 2) if "--set" in arguments else (2,), f"exit code of {arguments}")
        check.equal(done.stdout, "", f"standard output of {arguments}")
        check.true(done.stderr.strip(), f"{arguments} says what is wrong")


def test_no_runtime(folder):
    agent = node(folder)
    for verb in ("plan", "gc", "images"):
        answer = agent.verb(*agent.host, verb, expect=(2,))
        check.equal(answer.out, "", f"standard output of {verb}")
        check.true("runtime" in answer.err, f"{verb} says why", answer.err)
        if document := agent.verb(*agent.host, verb, "--json", expect=(2,)).out:
            check.equal(json.loads(document)["passes"][0]["result"], "error", f"result of {verb} --json")


def test_status_without_a_daemon(folder):
    agent = node(folder)
    check.true("nodefs" in agent.verb(*agent.host, "status", expect=(0, 1)).out, "status shows nodefs")
    document = agent.verb(*agent.host, "status", "--json", expect=(0, 1)).json
    check.true("filesystems" in document, "status --json", document)


def test_check(folder):
    agent = node(folder)
    line = agent.verb(*agent.host, "check", expect=(0, 1)).out
    check.true(0 < len(line.rstrip("\n")) <= 80 and line.count("\n") == 1, "one line of at most 80 characters", line)
    agent.write_config({"filesystems": {"nodefs": "/no/such/place"}})
    check.equal(agent.verb(*agent.host, "check", expect=None).code, 2, "exit code when nothing can be known")


def test_standard_output_that_fails(folder):
    agent = node(folder)
    if not os.path.exists("/dev/full"):
        raise check.Skip("no /dev/full")
    for verb in (["status"], ["status", "--json"], ["check"], ["version"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(agent.command(*agent.host, *verb), stdout=full, stderr=subprocess.PIPE, timeout=20,
                                  check=False)
        check.equal(done.returncode, 2, f"exit code of {verb}, which could not be said")


# --- the daemon --------------------------------------------------------------------------------------

def test_daemon_without_runtime(folder):
    agent = node(folder)
    agent.start(*agent.host)
    agent.wait_line("no container runtime found.*watching the filesystems only")
    check.equal(agent.get("/healthz")[0], 200, "/healthz")
    check.true(agent.metric("filesystem_size_bytes", filesystem="nodefs") > 0, "nodefs is watched")
    check.equal(agent.get("/nothing")[0], 404, "GET of something unknown")
    answer = agent.verb(*agent.host, "status", "--json", expect=(0, 1)).json
    check.true(answer, "status of the running agent")
    check.at_most(agent.stop(), 2, "seconds from SIGTERM to the end")
    check.true(not os.path.exists(agent.socket), "the socket is gone")


def test_metrics_page(folder):
    if not shutil.which("promtool"):
        raise check.Skip("no promtool")
    agent = node(folder)
    agent.start(*agent.host)
    done = subprocess.run(["promtool", "check", "metrics"], input=agent.get("/metrics")[1], capture_output=True,
                          text=True, timeout=20, check=False)
    agent.stop()
    check.equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics")


def test_cost(folder):
    """Resident and private memory, descriptors, and wake-ups of the whole process when nothing happens."""
    if sanitized():
        raise check.Skip("a build with sanitizers")
    agent = node(folder, filesystems={"sample-interval-min": "10s", "sample-interval-max": "10s"})
    agent.start(*agent.host)
    time.sleep(1)
    pid = agent.process.pid
    for _ in range(50):
        agent.get("/metrics")
    before, _ = switches(pid), time.sleep(3)
    woken = switches(pid) - before
    with open(f"/proc/{pid}/smaps_rollup") as file:
        memory = {line.split()[0]: int(line.split()[1]) for line in file if line.rstrip().endswith("kB")}
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    agent.stop()
    check.at_most(memory["Rss:"], 20 * 1024, "KiB resident")
    check.at_most(memory["Private_Dirty:"], 3 * 1024, "KiB private and dirty")
    check.at_most(descriptors, 32, "open descriptors")
    check.at_most(woken, 8, "times that a thread was scheduled in 3 s without a look")


def switches(pid):
    """Of all threads. The daemon's only reason to wake up is the look, every 10 s here."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))
    return total


def test_reload(folder):
    agent = node(folder)
    agent.start(*agent.host)
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": 61, "imageGCLowThresholdPercent": 41}})
    agent.wait_line("configuration reloaded")
    check.equal(agent.metric("config_last_reload_successful"), 1, "config_last_reload_successful")
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": 40, "imageGCLowThresholdPercent": 50}})
    line = agent.wait_line("not reloaded")
    check.true(re.search(r"agent\.conf:\d+: ", line.text), "it says where", line.text)
    check.equal(agent.metric("config_last_reload_successful"), 0, "config_last_reload_successful")
    check.true(agent.running(), "it runs on")
    agent.stop()


KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"


def test_kubelet_configuration(folder):
    """What is wrong with it is found and told once; one that breaks is told, and what was read before stays."""
    agent = node(folder, kubelet={"config": "/kubelet.yaml"})
    path = os.path.join(folder, "host", "kubelet.yaml")

    def write(text):
        with open(path, "w") as file:
            file.write(KUBELET + text)
        begun = time.monotonic()
        agent.send_signal(signal.SIGHUP)
        agent.wait_line("configuration reloaded", since=begun)
        return begun

    def unset():
        return agent.metric("finding", finding="KubeletDiskEvictionUnset", filesystem="nodefs", resource="inodes")

    with open(path, "w") as file:
        file.write(KUBELET + "evictionHard: {nodefs.available: 7%}\n")
    agent.start(*agent.host)
    line = agent.wait_line("the kubelet has no eviction threshold")
    check.equal((line.level, line.fields["reason"], line.fields["filesystem"], line.fields["resource"]),
                ("warning", "KubeletDiskEvictionUnset", "nodefs", "inodes"), "what was found")
    check.equal(unset(), 1, "disk_pressure_finding")
    found = agent.status()["findings"]
    check.equal([one["finding"] for one in found], ["KubeletDiskEvictionUnset"], "findings of the status")
    shown = agent.verb(*agent.host, "status", expect=(0, 1)).out
    check.true("KubeletDiskEvictionUnset: nodefs.inodesFree: the kubelet has no" in shown, "status shows it", shown)
    before = agent.metric("threshold", filesystem="nodefs", level="kubelet_hard")
    check.true(before > 0, "the kubelet's threshold is known", before)

    begun = write("evictionHard: [what\n")
    line = agent.wait_line("the kubelet's configuration: /kubelet.yaml:", since=begun)
    check.true(line.says("what was read before stays") and line.level == "warning", "a broken one is told", line.text)
    check.equal(agent.metric("threshold", filesystem="nodefs", level="kubelet_hard"), before, "the threshold stays")
    check.equal(agent.metric("config_last_reload_successful"), 1, "our own configuration is right")
    begun = write("evictionHard: [what\n")
    check.stays(lambda: not agent.lines("the kubelet's configuration:", since=begun), 1, "it is told once")

    begun = write("evictionHard: {nodefs.available: 8%, nodefs.inodesFree: 5%}\n")
    line = agent.wait_line("no longer so: nodefs.inodesFree: the kubelet has no", since=begun)
    check.equal((line.level, unset()), ("notice", 0), "level of that line, and disk_pressure_finding")
    check.wait_for(lambda: agent.metric("threshold", filesystem="nodefs", resource="bytes", level="kubelet_hard")
                   > before * 1.1, 3, "the new threshold is known")
    check.equal(len(agent.lines("the kubelet has no eviction threshold")), 2, "lines about it: one to and one fro")
    agent.stop()


def test_bad_configuration(folder):
    agent = node(folder, **{"image-gc": {"imageGCHighThresholdPercent": "many"}})
    answer = agent.verb(*agent.host, "run", expect=(1,))
    check.true(re.search(r"agent\.conf:\d+: .*imageGCHighThresholdPercent", answer.err), "it says where", answer.err)


def test_address_in_use(folder):
    agent = node(folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", agent.port))
        taken.listen()
        answer = agent.verb(*agent.host, "run", expect=(2,))
    check.true(str(agent.port) in answer.err, "it says which", answer.err)


def test_notify(folder):
    """Type=notify of the unit: ready, a status, and the end."""
    agent = node(folder)
    path = os.path.join(folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(5)
        os.environ["NOTIFY_SOCKET"] = path
        try:
            agent.start(*agent.host)
        finally:
            del os.environ["NOTIFY_SOCKET"]
        said = [listener.recv(4096).decode()]
        agent.send_signal(signal.SIGHUP)
        while not any("RELOADING=1" in one for one in said):
            said.append(listener.recv(4096).decode())
        agent.send_signal(signal.SIGTERM)
        while not any("STOPPING=1" in one for one in said):
            said.append(listener.recv(4096).decode())
    agent.stop()
    check.true(any("READY=1" in one for one in said), "READY=1", said)
    check.true(any("MONOTONIC_USEC=" in one for one in said if "RELOADING=1" in one), "MONOTONIC_USEC=", said)


def test_json_log(folder):
    agent = node(folder)
    agent.start(*agent.host)
    agent.stop()
    for line in agent.log:
        check.true({"time", "level", "message"} <= set(json.loads(line.text)), "a line of the log", line.text)


# --- running them --------------------------------------------------------------------------------------

def run_one(number, test):
    title = test.__name__.removeprefix("test_")
    folder = tempfile.mkdtemp(prefix="dpa-cli-")
    try:
        test(folder)
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
