# SPDX-License-Identifier: Apache-2.0
"""Bytes: exactly what is needed, oldest use first, soon."""

import time

from lib import apps, check, images
from lib.agent import ids, kept_reasons, removed_names
from lib.loopfs import GIB, MB


def test_nine_images(lab):
    """The measurement against the kubelet, which took 9 min 08 s and removed nine of nine."""
    node = lab.node(size=4 * GIB)
    agent = lab.agent(node, high=95, low=90).start()
    for number in range(1, 10):
        node.load(images.big(apps.name(number)))
        if number == 5:
            use(node, apps.name(1), apps.name(2))
    check.within(node.fs.used_percent(), 70, 72, "nine images fill the disk as in the measurement")
    time.sleep(1.2)
    watcher, begun = lab.watch(node), time.monotonic()
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": 60, "imageGCLowThresholdPercent": 40}})
    check.wait_for(lambda: node.fs.used_percent() <= 40, 10, "the disk is relieved")
    time.sleep(1)
    gains = watcher.gains(200 * MB, since=begun)
    check.equal(len(gains), 5, "removals that the disk shows")
    check.at_most(gains[0][0] - begun, 1.0, "seconds to the first removal")
    check.equal(node.names(), apps.names(1, 2, 8, 9), "the images used and loaded last stay")
    check.equal(agent.removed(reason="space"), 5, "images_removed_total")
    freed = sum(after - before for _, before, after in gains)
    check.within(agent.metric("reclaimed_bytes_total"), freed * 0.98, freed * 1.02, "reclaimed_bytes_total")


def use(node, *names):
    """Containers of these images run for a moment and go, in this order."""
    pods = [node.containerd.container(name, "running")[1] for name in names]
    time.sleep(1)
    for pod in pods:
        node.cri.remove_pod(pod)


def test_nine_images_while_loading(lab):
    """The daemon enforces 60/40 from the start: the crossing is in the middle of an import."""
    node = lab.node(size=4 * GIB)
    agent = lab.agent(node).start()
    watcher = lab.watch(node)
    for number in range(1, 10):
        node.load(images.big(apps.name(number)))
    crossed = watcher.first_at_or_over(60)
    check.true(crossed, "the disk crosses 60 %", watcher.samples[-1])
    check.wait_for(lambda: node.fs.used_percent() < 60, 5, "the disk is under the high threshold")
    gains = watcher.gains(150 * MB, since=crossed)
    check.true(gains, "the disk shows a removal")
    check.at_most(gains[0][0] - crossed, 1.0, "seconds from the crossing to the first removal done")
    capacity = node.fs.capacity()
    check.true(all(100 - before * 100 // capacity > 40 for _, before, _ in gains), "no removal at or under 40 %", gains)
    lowest = min(used for at, _, used in watcher.samples if at >= crossed)
    check.at_most(lowest, 40, "the pass ends at or under the low threshold")
    removed = agent.removed()
    check.within(removed, 3, 5, "images removed")
    check.equal(node.names(), apps.names(*range(removed + 1, 10)), "those loaded first went first")


def test_begins_when_old_enough(lab):
    """Over the threshold with nothing but young images: it acts within a second of the first one's coming of age."""
    node = lab.node()
    agent = lab.agent(node, minimum_age="4s").start()
    watcher = lab.watch(node)
    node.load(apps.app(1))
    first_known = time.monotonic()
    apps.load(node, 4, first=2)
    over = watcher.first_at_or_over(60)
    check.true(over and over < first_known + 3.5, "the crossing comes before the first image is old enough", over)
    check.wait_for(lambda: node.fs.used_percent() <= 40, 10, "the disk is relieved")
    gains = watcher.gains(20 * MB, since=over)
    # The import made the image known a moment before it returned.
    check.within(gains[0][0] - first_known, 3.4, 5.0, "seconds from the first sighting to the first removal")
    check.equal(node.names(), apps.names(4, 5), "what stays")
    check.equal(agent.removed(), 3, "images_removed_total")


def test_plan_equals_gc(lab):
    node = lab.node()
    apps.load(node, 5)
    agent = lab.agent(node).acquaint()
    plan = agent.plan()
    check.equal(removed_names(plan), apps.names(1, 2, 3), "the plan's victims")
    check.equal({name: reason for name, reason in kept_reasons(plan).items() if name in apps.names(4, 5)},
                dict.fromkeys(apps.names(4, 5), "not-needed"), "why the others stay")
    check.equal(node.names(), apps.names(1, 2, 3, 4, 5), "a plan changes nothing")
    done = agent.gc()
    check.equal(ids(done["removed"]), ids(plan["removed"]), "gc does what plan said")
    check.equal(done["result"], "reached", "result")
    check.equal(node.names(), apps.names(4, 5), "what stays")
    for one in done["removed"]:
        check.within(one["measuredBytes"], one["predictedBytes"] * 0.97, one["predictedBytes"] * 1.03,
                     "an image's measured gain against its prediction")
        check.equal(one["reason"], "space", "reason of the removal")
    check.equal(agent.gc()["result"], "nothing-to-do", "a second pass")


def test_shared_layer_gain(lab):
    """What two images share is no gain of either: only the exclusive part is predicted and measured."""
    base = (images.Layer(seed="base", random=20 * MB, zeros=20 * MB),)
    node = lab.node()
    node.load(*(apps.app(number, base=base, random=5 * MB, zeros=5 * MB) for number in (1, 2)))
    agent = lab.agent(node, high=40, low=1, settings={"image-gc": {"when-futile": "proceed"}}).acquaint()
    done = agent.gc("--to", str(node.fs.used_percent() - 1), expect=(0, 1))
    first = done["removed"][0]
    check.within(first["predictedBytes"], 15 * MB, 17.5 * MB, "predicted: the layer of its own alone")
    check.within(first["measuredBytes"], 15 * MB, 17.5 * MB, "measured: the layer of its own alone")
    check.equal(node.names(), apps.names(2), "one was enough")


def test_two_names(lab):
    node = lab.node()
    node.load(apps.app(1, more_names=("lab.test/other1:2",)), apps.app(2, more_names=("lab.test/other2:2",)),
              apps.app(3))
    node.containerd.container("lab.test/other1:2", "running")
    node.fs.fill_to_percent(61)
    agent = lab.agent(node).acquaint()
    done = agent.gc()
    check.equal(removed_names(done), apps.names(2, 3), "each unused image is removed once")
    check.equal(sorted(name for name in done["removed"][0]["names"] if "@" not in name),
                sorted(["lab.test/app2:1", "lab.test/other2:2"]), "both names are reported with it")
    check.equal(node.names(), sorted(["lab.test/app1:1", "lab.test/other1:2"]), "used by one name, kept with both")


def test_dry_run(lab):
    node = lab.node()
    apps.load(node, 5)
    agent = lab.agent(node, settings={"agent": {"dry-run": "yes"}}).start()
    agent.wait_line(r"would|dry.?run", 5)
    agent.wait_line(r"lab\.test/app1:1", 5)
    check.stays(lambda: len(node.names()) == 5, 2, "a dry run removes nothing")
    check.equal(agent.removed(), 0, "images_removed_total")
    check.equal(agent.gc("--dry-run", expect=(0, 1))["dryRun"], True, "gc --dry-run says so")
    check.equal(len(node.names()), 5, "images after gc --dry-run")


def test_maximum_age(lab):
    """Far below the thresholds, unused images still go when they are older than imageMaximumGCAge."""
    node = lab.node()
    apps.load(node, 3)
    node.containerd.container(apps.name(2), "running")
    agent = lab.agent(node, high=90, low=80, settings={"image-gc": {"imageMaximumGCAge": "3s"}}).start()
    check.wait_for(lambda: node.names() == apps.names(2), 20, "the unused images are gone")
    check.equal(agent.removed(reason="age"), 2, "images_removed_total{reason=age}")
    check.equal(agent.removed(), 2, "images_removed_total")


def test_removal_limit(lab):
    node = lab.node()
    apps.load(node, 5)
    agent = lab.agent(node, settings={"image-gc": {"max-removals-per-pass": 1}}).acquaint()
    done = agent.gc(expect=(0, 1))
    check.equal(removed_names(done), apps.names(1), "one removal and no more")
    check.equal(len(node.names()), 4, "images left")
