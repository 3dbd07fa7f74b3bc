# SPDX-License-Identifier: Apache-2.0
"""containerd, Docker and Podman on one disk, and one agent for all of them."""

import time

from lib import apps, check, images
from lib.agent import removed_names
from lib.loopfs import MB, MIB

KINDS = ("containerd", "docker", "podman")


def nodes_on(lab, fs, kinds=KINDS):
    return {kind: lab.node_on(fs, kind) for kind in kinds}


def image(kind, number):
    """The same on every disk, 31 MB."""
    size = apps.SIZES[kind]
    return images.simple(f"{kind}.test/app{number}:1", random=size, zeros=size)


def name(kind, number):
    return f"{kind}.test/app{number}:1"


def left(nodes):
    return sorted(one for node in nodes.values() for one in node.names() if "@" not in one)


def load_in_turn(agent, nodes, rounds):
    """One image each in turn, so that the age of all is in the order of loading."""
    loaded = []
    for number in range(1, rounds + 1):
        for kind, node in nodes.items():
            node.load(image(kind, number))
            agent.acquaint(0.7)
            loaded.append(name(kind, number))
    time.sleep(1.2)
    return loaded


def test_one_order(lab):
    """Those that came first go first, whosever they are, each by its own runtime, and no more than are needed."""
    nodes = nodes_on(lab, lab.filesystem(size=512 * MIB))
    agent = lab.agent_of(nodes, high=60, low=50)
    loaded = load_in_turn(agent, nodes, 3)
    fs = nodes["docker"].fs
    fs.fill_to_percent(70)
    plan = agent.plan()
    order = removed_names(plan)
    check.equal(order, loaded[:len(order)], "the plan's order")
    check.equal({one["runtime"].split()[0] for one in plan["removed"] + plan["kept"]}, set(KINDS), "whose they are")
    for kind in KINDS:
        check.is_in(kind, plan["runtime"], "the pass is of all of them")
    done = agent.gc()
    check.equal(removed_names(done), order, "what went is what was planned")
    check.equal(left(nodes), sorted(loaded[len(order):]), "what is left")
    check.at_most(fs.used_percent(), 50, "percent used")
    check.at_least(fs.used_percent(), 50 - 31 * MB * 100 / fs.capacity() - 1, "not an image more than needed")


def test_daemon_relieves(lab):
    """The daemon follows them all, and what one of them uses stays."""
    nodes = nodes_on(lab, lab.filesystem(size=512 * MIB))
    agent = lab.agent_of(nodes, high=60, low=45).start()
    check.wait_for(lambda: len(up(agent)) == 3, 20, "three runtimes are up")
    for kind, node in nodes.items():
        node.load(image(kind, 1))
    nodes["docker"].runtime.container(name("docker", 1), "exited")
    for number in (2, 3):
        for kind, node in nodes.items():
            node.load(image(kind, number))
    fs = nodes["docker"].fs
    time.sleep(2)
    fs.fill_to_percent(75)
    check.wait_for(lambda: fs.used_percent() <= 45, 20, "the disk is relieved")
    check.is_in(name("docker", 1), left(nodes), "what a container uses stays")
    check.wait_for(lambda: len(agent.status()["filesystems"]) > 0 and agent.status()["lastPass"], 5, "a pass is told")


def up(agent):
    return [one["name"] for one in agent.status()["runtimes"] if one["up"]]


def seen(agent):
    """The status as the command line makes it when no daemon runs."""
    return agent.verb("status", "--json", expect=(0, 1)).json


def test_one_goes_away(lab):
    """Without Docker the others are relieved, and it is said that it cannot be reached."""
    nodes = nodes_on(lab, lab.filesystem(size=512 * MIB))
    agent = lab.agent_of(nodes, high=60, low=50)
    load_in_turn(agent, nodes, 2)
    nodes["docker"].runtime.stop()
    fs = nodes["docker"].fs
    fs.fill_to_percent(65)
    done = agent.gc(expect=(0, 1))
    gone = removed_names(done)
    check.true(gone and all(not one.startswith("docker") for one in gone), f"others went: {gone}")
    status = seen(agent)
    down = [one for one in status["runtimes"] if not one["up"]]
    check.equal(len(down), 1, "runtimes that are down")
    check.is_in(nodes["docker"].runtime.socket, down[0]["error"], "which one")
    nodes["docker"].runtime.start(prepare=False)
    agent.gc(expect=(0, 1))
    check.equal([one["up"] for one in seen(agent)["runtimes"]], [True] * 3, "all are back")


def test_elsewhere(lab):
    """What is on another disk is shown and left alone, also when this one is full."""
    here, there = lab.filesystem(), lab.filesystem()
    nodes = {"containerd": lab.node_on(here, "containerd"), "docker": lab.node_on(there, "docker")}
    agent = lab.agent_of(nodes)
    for number in (1, 2, 3):
        for kind, node in nodes.items():
            node.load(image(kind, number))
    agent.acquaint(2)
    here.fill_to_percent(70)
    there.fill_to_percent(90)
    done = agent.gc(expect=(0, 1))
    gone = removed_names(done)
    check.true(gone and all(one.startswith("containerd") for one in gone), f"only those of imagefs went: {gone}")
    runtimes = {one["name"]: one for one in seen(agent)["runtimes"]}
    check.equal({name: one["elsewhere"] for name, one in runtimes.items()}, {"containerd": False, "docker": True},
                "which is elsewhere")
    other = lab.agent_of({"docker": nodes["docker"]}).acquaint()
    check.true(removed_names(other.gc(expect=(0, 1))), "an agent of its own looks after it")
