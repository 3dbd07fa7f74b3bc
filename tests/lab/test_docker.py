# SPDX-License-Identifier: Apache-2.0
"""A real Docker: what the tests of containerd ask, and what is Docker's own. Podman's tests share most of it."""

import os
import threading
import time

import test_limits
from lib import apps, check, images, proxy
from lib.agent import ids, kept_reasons, removed_names
from lib.loopfs import MB, MIB

RUNTIME = "docker"
SHARED = [
    "space.begins_when_old_enough", "space.plan_equals_gc", "space.two_names", "space.dry_run", "space.maximum_age",
    "space.removal_limit", "protection.container_between_plan_and_removal", "protection.looks_before_every_removal",
    "protection.failed_look_ends_pass", "limits.futile", "simulate.inventory_plans_alike", "limits.zero_bytes_free",
    "daemon.containerd_stopped_mid_pass", "daemon.starts_without_runtime", "daemon.sigterm_mid_pass",
    "daemon.sigterm_hung_runtime", "daemon.gc_asks_daemon", "daemon.history_survives_restart",
]


# What may not go

def test_in_use_stay(lab):
    """Everything that may not go, on a disk that cannot reach its target without it."""
    node = lab.node(size=512 * MIB)
    states = ("created", "running", "paused", "exited")
    expected = {f"lab.test/{state}:1": "in-use" for state in states}
    for state in states:
        node.load(images.simple(f"lab.test/{state}:1", more_names=(f"lab.test/{state}:2", f"other.test/{state}:3")))
        node.runtime.container(f"lab.test/{state}:2", state)
        expected.update({f"lab.test/{state}:2": "in-use", f"other.test/{state}:3": "in-use"})
    for name in ("kept", "free"):
        node.load(images.simple(f"lab.test/{name}:1"))
    agent = lab.agent(node, minimum_age="3s", settings={
        "image-gc": {"keep": "lab.test/kept:*", "when-futile": "proceed"}}).acquaint(3.3)
    node.load(images.simple("lab.test/young:1"))
    expected.update({"lab.test/kept:1": "keep-rule", "lab.test/young:1": "too-young"})
    node.fs.fill_to_percent(75)
    plan = agent.plan()
    reasons = kept_reasons(plan)
    check.equal({name: reasons.get(name) for name in expected}, expected, "reasons in the plan")
    done = agent.gc(expect=(1,))
    check.equal(removed_names(done), ["lab.test/free:1"], "only the free image goes")
    check.equal(node.names(), sorted(expected), "names left, all of each image")
    check.equal(len(node.runtime.containers()), len(states), "containers left")


def test_dangling_in_use_stays(lab):
    """Its name went to another image, a container still has it: it stays, and its twin without a container goes."""
    node = lab.node()
    used, _ = node.load(apps.app(1), apps.app(2))
    node.runtime.container(apps.name(1), "exited")
    left = node.runtime.image(apps.name(2))
    node.load(apps.app(3))
    for name in apps.names(1, 2):
        node.runtime.untag(name)
        node.runtime.tag(apps.name(3), name)
    check.equal(len(node.runtime.images()), 3, "images, two of them without a name")
    node.fs.fill_to_percent(80)
    agent = lab.agent(node, settings={"image-gc": {"when-futile": "proceed", "keep": "*app*"}}).acquaint()
    done = agent.gc(expect=(0, 1))
    check.equal(ids(done["removed"]), [left.id], "removed")
    check.true(node.runtime.image(used.id), "the one in use is there")


def test_local_images_may_go(lab):
    """keep-unrecoverable = auto keeps nothing here; yes keeps what Docker 20 has no digest of."""
    node = lab.node()
    apps.load(node, 5, recoverable=False)
    agent = lab.agent(node).acquaint()
    check.equal(len(agent.plan()["removed"]), 3, "by default they go")
    agent.write_config({"image-gc": {"keep-unrecoverable": "yes"}})
    has_digests = bool(node.runtime.images()[0].digests)
    check.equal(len(agent.plan()["removed"]), 3 if has_digests else 0, "unless told otherwise")


def test_family(lab):
    """An image that another is built on stays as long as that one, and its name with it."""
    node = lab.node()
    node.load(apps.app(1))
    container, _ = node.runtime.container(apps.name(1), "exited")
    child = node.runtime.commit(container, "lab.test/child:1")
    node.runtime.remove_container(container)
    node.runtime.container("lab.test/child:1", "exited")
    node.fs.fill_to_percent(80)
    agent = lab.agent(node, settings={"image-gc": {"when-futile": "proceed"}}).acquaint()
    plan = agent.plan()
    check.equal(plan["removed"], [], "nothing may go")
    detail = next(one["detail"] for one in plan["kept"] if apps.name(1) in one["names"])
    check.equal(detail, f"image {child} is built on it", "why the lower one stays")
    lower = node.runtime.image(apps.name(1)).id
    holders = {one["id"]: one["image"] for one in agent.verb("inventory", "--json").json["containers"]}
    check.equal(holders.get(child), lower, "what holds it in a scenario")
    for one in node.runtime.containers():
        node.runtime.remove_container(one["Id"])
    agent.gc(expect=(0, 1))
    check.equal(node.names(), apps.names(1), "the child goes first")
    agent.gc(expect=(0, 1))
    check.equal(node.names(), [], "and then what it was built on")


# Exactly what is needed

def test_relieves(lab):
    """Over the threshold a daemon removes what is needed, soon, and no more."""
    node = lab.node()
    apps.load(node, 5)
    check.at_least(node.fs.used_percent(), 62, "percent used")
    watcher = lab.watch(node)
    agent = lab.agent(node).start()
    begun = time.monotonic()
    check.wait_for(lambda: node.fs.used_percent() <= 40, 10, "the disk is relieved")
    time.sleep(1)
    check.equal(len(node.names()), 2, "images left")
    agent.wait_removed(3, reason="space")
    check.true(watcher.first_gain(20 * MB, begun), "the disk shows a removal")


def test_three_names(lab):
    """Name by name, none by force, the image with the last; one that is used by one of its names keeps all."""
    node = lab.node()
    node.load(apps.app(1, more_names=("lab.test/app1:2", "other.test/app1:3")),
              apps.app(2, more_names=("lab.test/app2:2", "other.test/app2:3")))
    node.runtime.container("other.test/app1:3", "exited")
    node.fs.fill_to_percent(61)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket, settings={"image-gc": {"when-futile": "proceed"}}).acquaint()
    done = agent.gc(expect=(0, 1))
    check.equal([sorted(name for name in one["names"] if "@" not in name) for one in done["removed"]],
                [["lab.test/app2:1", "lab.test/app2:2", "other.test/app2:3"]], "removed")
    check.equal(node.names(), ["lab.test/app1:1", "lab.test/app1:2", "other.test/app1:3"], "names left")
    calls = [name for name in door.methods() if name in (proxy.REMOVE_IMAGE, proxy.LIST_CONTAINERS)]
    removals = [at for at, name in enumerate(calls) if name == proxy.REMOVE_IMAGE]
    check.equal(len(removals), 3, "removals asked for, one a name")
    check.true(all(calls[at - 1] == proxy.LIST_CONTAINERS for at in removals), "a look before each", calls)


def test_container_between_names(lab):
    """A container appears when one of three names is gone: the others stay, and so does the image."""
    node = lab.node()
    node.load(apps.app(1, more_names=("lab.test/app1:2", "other.test/app1:3")))
    node.fs.fill_to_percent(75)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket, settings={"image-gc": {"when-futile": "proceed"}}).acquaint()
    made = []

    def intrude(name, answer):
        if name == proxy.REMOVE_IMAGE and not made:
            made.append(node.runtime.container(node.names()[0], "created"))
        return answer
    door.after = intrude
    done = agent.gc(expect=(0, 1))
    check.equal((done["removed"], len(node.names())), ([], 2), "removed, and names left")
    check.equal([one["reason"] for one in done["kept"]], ["changed"], "why it stays")
    node.runtime.start_container(made[0][0])


def test_removed_by_somebody_else(lab):
    """The victims go while the pass is about to remove them: it goes on with what is still needed."""
    node = lab.node()
    apps.load(node, 5)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket).acquaint()
    victims = removed_names(agent.plan())
    gone = []

    def remove(method, _path):
        if method == proxy.REMOVE_IMAGE and not gone:
            gone.extend(victims[:2])
            for name in gone:
                node.runtime.remove_image(name)
    door.before = remove
    done = agent.gc()
    check.equal(done["result"], "reached", "result")
    check.equal((len(victims), len(node.names())), (3, 2), "images left: what was removed counts, by whomever")


def test_runtime_restarted_mid_pass(lab):
    """Stopped and started again right after the first removal: what is left to do is done, and no more."""
    node = lab.node()
    apps.load(node, 5)
    node.runtime.container(apps.name(5), "running")
    restarted = threading.Event()

    def restart(method, answer):
        if method == proxy.REMOVE_IMAGE and not restarted.is_set():
            restarted.set()
            node.runtime.restart()
        return answer
    door = lab.proxy(node, after=restart)
    agent = lab.agent(node, endpoint=door.socket).start()
    check.wait_for(restarted.is_set, 10, "the first removal")
    check.wait_for(lambda: node.fs.used_percent() <= 40, 30, "the disk is relieved")
    time.sleep(0.5)
    check.equal((len(node.names()), apps.name(5) in node.names()), (2, True), "images left, the one in use among them")
    agent.wait_removed(3)


def test_removal_that_frees_nothing(lab):
    """A removal that is answered with OK and does nothing is no gain, and does not go on for ever."""
    node = lab.node()
    apps.load(node, 5)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket).acquaint()
    door.instead = lambda name, _path: (200, b"[]") if name == proxy.REMOVE_IMAGE else None
    done = agent.gc(expect=(1, 2))
    check.equal(len(node.names()), 5, "nothing was really removed")
    check.true(done["result"] != "reached", "the result does not claim success", done["result"])
    check.at_most(door.methods().count(proxy.REMOVE_IMAGE), 10, "attempts: a name and an ID for an image")


def test_xfs(lab):
    test_limits.one_filesystem(lab, "xfs", 512 * MIB, [], 5, random=33 * MB, zeros=33 * MB)


# Layers

def test_shared_layers(lab):
    """Ten images on one base: thirty percent of the disk are freed without a thought of freeing the base."""
    node = lab.node()
    base = (images.Layer(seed="base", random=40 * MB, zeros=20 * MB),)
    node.load(*(apps.app(number, base=base, random=5 * MB, zeros=5 * MB) for number in range(1, 11)))
    used = node.fs.used_percent()
    agent = lab.agent(node, high=used, low=used - 12).acquaint()
    done = agent.gc()
    check.equal(done["result"], "reached", "result")
    # Each has 10.7 MB of its own, 4.5 % of that disk.
    check.equal((len(done["removed"]), len(node.names())), (3, 7), "removed and left")
    check_predictions(done)


def assorted(number):
    """Thirty-six kinds: on one of three bases or none, some with a layer that four share, from 1 to 20 MB."""
    bases = {0: (), 1: (images.Layer(seed="small", random=1 * MB, zeros=1 * MB, files=50),),
             2: (images.Layer(seed="large", random=4 * MB, zeros=20 * MB),),
             3: (images.Layer(seed="small", random=1 * MB, zeros=1 * MB, files=50),
                 images.Layer(seed="on small", random=2 * MB, zeros=8 * MB, files=100))}
    base = bases[number % 4]
    if number % 3 == 0:
        base += (images.Layer(seed=f"four {number // 12}", random=number * 50_000 + 1, zeros=777_777),)
    return apps.app(number, base=base, random=(number * 37 % 11) * 600_001 + 300_000,
                    zeros=(number * 17 % 7) * 1_100_001, files=number % 5 * 20)


def check_predictions(done):
    worst = 0
    for one in done["removed"]:
        name, measured, predicted = one["names"][0], one["measuredBytes"], one["predictedBytes"]
        check.within(predicted, measured * 0.95, measured * 1.05, f"bytes predicted for {name}")
        worst = max(worst, abs(predicted - measured) / measured)
    predicted = sum(one["predictedBytes"] for one in done["removed"])
    measured = sum(one["measuredBytes"] for one in done["removed"])
    check.within(predicted, measured * 0.98, measured * 1.02, "bytes predicted together")
    print(f"# predictions of {len(done['removed'])} images: {100 * worst:.1f} % off at worst, "
          f"{100 * abs(predicted - measured) / measured:.1f} % together", flush=True)


def test_predictions(lab):
    """Of 36 images, with layers that several share and that go with the last of them, in that order."""
    node = lab.node(size=1024 * MIB, options=["-N", "65536"])
    node.load(*(assorted(number) for number in range(1, 37)))
    agent = lab.agent(node, high=2, low=1, settings={"image-gc": {"when-futile": "proceed"}}).acquaint()
    os.sync()
    done = agent.gc(expect=(0, 1))
    check.equal(len(done["removed"]), 36, "images removed")
    check_predictions(done)


# Use

def test_seen_by_events(lab):
    """A container that came and went between two looks counts as a use."""
    node = lab.node()
    apps.load(node, 4)
    agent = lab.agent(node, high=95, low=94).start()
    check.wait_for(lambda: agent.lines("following the containers of"), 10, "containers are followed")
    time.sleep(0.3)
    node.runtime.use_once(apps.name(1))
    node.runtime.use_once(apps.name(2))
    time.sleep(0.3)
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": 60, "imageGCLowThresholdPercent": 40}})
    agent.wait_removed(2)
    check.equal(node.names(), apps.names(1, 2), "the images that were used stay")
