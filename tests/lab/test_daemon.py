# SPDX-License-Identifier: Apache-2.0
"""The daemon's life: signals, reloads, a runtime that goes away, and who may run a pass."""

import os
import signal
import subprocess
import threading
import time

from lib import apps, check, proxy
from lib.agent import ids, removed_names


def test_containerd_stopped_mid_pass(lab):
    """containerd dies right after the first removal of a pass, and comes back."""
    node = lab.node()
    apps.load(node, 5)
    dead = threading.Event()

    def kill_after_first(method, answer):
        if method == proxy.REMOVE_IMAGE and not dead.is_set():
            dead.set()
            node.containerd.kill()
        return answer
    door = lab.proxy(node, after=kill_after_first)
    agent = lab.agent(node, endpoint=door.socket).start()
    check.wait_for(dead.is_set, 10, "the first removal")
    check.wait_for(lambda: agent.passes_done(result="error"), 10, "gc_runs_total{result=error}")
    check.wait_for(lambda: agent.warnings(r"list|connect|unavailable|runtime"), 3, "the log says why the pass ended")
    check.equal(agent.get("/healthz")[0], 200, "GET /healthz")
    agent.wait_removed(1)
    check.wait_for(lambda: agent.metric("runtime_up") == 0, 15, "runtime_up")
    node.containerd.start(prepare=False)
    check.equal(len(node.names()), 4, "images left")
    check.wait_for(lambda: node.fs.used_percent() <= 40, 30, "a later pass relieves the disk")
    check.equal(len(node.names()), 2, "images left in the end")


def test_starts_without_runtime(lab):
    """The agent starts before containerd does: it waits, and works once the runtime is there."""
    node = lab.node()
    apps.load(node, 5)
    node.containerd.stop()
    agent = lab.agent(node).start(ready=False)
    check.wait_for(lambda: agent.get("/healthz")[0] == 200, 10, "GET /healthz")
    check.equal(agent.get("/readyz")[0], 503, "GET /readyz without the runtime")
    node.containerd.start(prepare=False)
    check.wait_for(agent.is_ready, 30, "GET /readyz")
    check.wait_for(lambda: node.fs.used_percent() <= 40, 30, "the disk is relieved")


def held_removal(lab, node, seconds):
    """A proxy that holds the first removal for that long, the agent behind it in its pass, and the moment."""
    held, release = threading.Event(), threading.Event()

    def hold(method, _request):
        if method == proxy.REMOVE_IMAGE and not held.is_set():
            held.set()
            release.wait(seconds)
    door = lab.proxy(node, before=hold)
    lab.stack.callback(release.set)
    agent = lab.agent(node, endpoint=door.socket).start()
    check.wait_for(held.is_set, 10, "the first removal")
    return agent, door


def test_sigterm_mid_pass(lab):
    """The removal in flight is finished, no other is begun."""
    node = lab.node()
    apps.load(node, 5)
    agent, door = held_removal(lab, node, 1.5)
    took = agent.stop()
    check.at_least(took, 0.5, "seconds: it waits for the removal in flight")
    check.equal(door.methods().count(proxy.REMOVE_IMAGE), 1, "removals asked for")
    check.equal(len(node.names()), 4, "images left")


def test_sigterm_hung_runtime(lab):
    """A runtime that never answers must not hold the daemon: stop() fails after 5 s."""
    node = lab.node()
    apps.load(node, 5)
    agent, _ = held_removal(lab, node, 60)
    agent.stop()


def test_hung_runtime_health(lab):
    """While a call hangs, the daemon answers, samples, and says what it waits for."""
    node = lab.node()
    apps.load(node, 5)
    agent, _ = held_removal(lab, node, 20)
    before = agent.metric("samples_total")
    time.sleep(1)
    check.at_least(agent.metric("samples_total"), before + 1, "samples go on")
    check.equal(agent.get("/healthz")[0], 200, "GET /healthz")
    check.equal(agent.get("/status")[0], 200, "GET /status")


def test_sighup_reload(lab):
    node = lab.node()
    apps.load(node, 4)
    agent = lab.agent(node, high=90, low=80).start()
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": "banana", "imageGCLowThresholdPercent": 40}})
    check.wait_for(lambda: agent.metric("config_last_reload_successful") == 0, 5, "config_last_reload_successful")
    check.wait_for(lambda: agent.warnings("imageGCHighThresholdPercent"), 2, "the log says so")
    check.stays(lambda: len(node.names()) == 4, 1.5, "the old configuration stays")
    check.true(agent.running(), "the daemon runs on")
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": 60}})
    check.wait_for(lambda: node.fs.used_percent() <= 40, 5, "the new thresholds hold")
    check.equal(agent.metric("config_last_reload_successful"), 1, "config_last_reload_successful")
    check.equal(len(node.names()), 2, "images left")


def test_sigusr1(lab):
    """A pass now, down to the low threshold, although the high one is not reached."""
    node = lab.node()
    apps.load(node, 4)
    agent = lab.agent(node, high=90, low=40).start()
    check.stays(lambda: len(node.names()) == 4, 1.3, "nothing happens below the high threshold")
    agent.send_signal(signal.SIGUSR1)
    check.wait_for(lambda: node.fs.used_percent() <= 40, 5, "the disk is at the low threshold")
    check.equal(len(node.names()), 2, "images left")


def test_gc_asks_daemon(lab):
    node = lab.node()
    apps.load(node, 4)
    agent = lab.agent(node, high=90, low=40).start()
    time.sleep(1.3)
    dry = agent.gc("--dry-run", expect=(0, 1))
    check.equal((len(dry["removed"]), len(node.names())), (2, 4), "gc --dry-run through the daemon")
    done = agent.gc("--to", "50")
    check.equal(ids(done["removed"]), ids(dry["removed"])[:1], "gc --to 50 through the daemon")
    done = agent.gc()
    check.equal((ids(done["removed"]), done["result"]), (ids(dry["removed"])[1:], "reached"), "gc through the daemon")
    agent.wait_removed(2)        # the daemon counted them, so it did the passes
    check.at_least(agent.passes_done(trigger="manual"), 2, "gc_runs_total{trigger=manual}")


def test_gc_without_daemon_locks(lab):
    """Two gc at once, each seen through a proxy of its own: their removals do not overlap."""
    node = lab.node()
    apps.load(node, 5)
    doors = [lab.proxy(node, before=slow_removal) for _ in range(2)]
    first = lab.agent(node, endpoint=doors[0].socket).acquaint()
    second = lab.agent(node, endpoint=doors[1].socket, settings={
        "agent": {"state-directory": first.settings["agent"]["state-directory"]},
        "image-gc": first.settings["image-gc"]})
    both = [subprocess.Popen(agent.command("gc", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True) for agent in (first, second)]
    outputs = [one.communicate(timeout=60) for one in both]
    spans = [[at for at, method in door.calls if method == proxy.REMOVE_IMAGE] for door in doors]
    if spans[0] and spans[1]:
        check.true(max(spans[0]) < min(spans[1]) or max(spans[1]) < min(spans[0]), "removals do not overlap", spans)
    check.equal(len(spans[0]) + len(spans[1]), 3, "removals together: what one pass needs")
    check.equal(len(node.names()), 2, "images left")
    for one, (out, err) in zip(both, outputs):
        said = err.strip() or "\"error\"" in out
        check.true(one.returncode == 0 or said, "a gc that gives up says why", one.returncode, out, err)
    check.true(any(one.returncode == 0 for one in both), "one of them did it", [one.returncode for one in both])


def slow_removal(method, _request):
    if method == proxy.REMOVE_IMAGE:
        time.sleep(0.3)


def test_history_survives_restart(lab):
    """What was used last is known after a restart: the image used before it outlives those never used."""
    node = lab.node()
    apps.load(node, 5)
    agent = lab.agent(node, high=90, low=40).start()
    _, pod = node.containerd.container(apps.name(1), "running")
    time.sleep(1.3)
    node.cri.remove_pod(pod)
    time.sleep(0.5)
    agent.stop()
    if not agent.remembers():
        raise check.Skip("this build keeps no history")
    victims = removed_names(agent.plan())
    check.true(len(victims) == 3 and apps.name(1) not in victims, "the plan after the daemon left", victims)
    agent.start()
    agent.send_signal(signal.SIGUSR1)
    check.wait_for(lambda: node.fs.used_percent() <= 40, 5, "the disk is at the low threshold")
    check.equal((len(node.names()), apps.name(1) in node.names()), (2, True), "images left, the used one among them")


def test_restart_between_passes(lab):
    """The order of the least recently used is the same before and after: each pass goes on where the last one ended."""
    node = lab.node()
    apps.load(node, 5)
    agent = lab.agent(node, high=90, low=60).start()
    order = [4, 2, 5, 1, 3]
    for number in order:
        _, pod = node.containerd.container(apps.name(number), "running")
        agent.verb("images", "--json")
        node.cri.remove_pod(pod)
    time.sleep(1.2)
    first = removed_names(agent.gc())
    check.equal(first, apps.names(4, 2), "the first pass: down to 60 % takes two")
    for _ in range(2):
        agent.stop()
        agent.start()
    check.equal(removed_names(agent.gc("--to", "30")), apps.names(5, 1), "the pass after the restarts: two more, in order")
    check.equal(node.names(), apps.names(3), "images left")


def test_killed_daemon(lab):
    """kill -9 in the middle of a pass: the next daemon starts from what is there."""
    node = lab.node()
    apps.load(node, 5)
    agent, door = held_removal(lab, node, 1)
    agent.kill()
    door.before = None
    agent.start()
    check.wait_for(lambda: node.fs.used_percent() <= 40, 15, "the disk is relieved")
    check.equal(len(node.names()), 2, "images left")


def test_damaged_history(lab):
    """A history that cannot be read is said to be so, and a new one is begun."""
    node = lab.node()
    apps.load(node, 1)
    agent = lab.agent(node).start()
    time.sleep(1)
    agent.stop()
    path = os.path.join(agent.settings["agent"]["state-directory"], "usage-containerd")
    with open(path, "r+b") as file:
        for slot in (0, os.path.getsize(path) // 2):
            file.seek(slot + 100)
            file.write(b"\xff" * 50)
    agent.start()
    check.is_in(agent.wait_line(r"usage history: .*damaged", 5).level, ("warning", "warn", "4"), "level of that line")
    agent.wait_line(r"usage history: kept again", 5)
