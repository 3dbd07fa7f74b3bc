# SPDX-License-Identifier: Apache-2.0
"""What is learnt about the use of images: also from containers that nobody saw, and over a restart."""

import json

from lib import apps, check
from lib.agent import removed_names
from lib.loopfs import MIB


def images_of(agent):
    return {image["names"][0]: image for image in json.loads(agent.verb("images", "--json").out)["images"]}


def usage(agent):
    """(uses, whether it was ever seen in use) of every image, by name."""
    return {name: (image["uses"], image["lastUsed"] is not None) for name, image in images_of(agent).items()}


def follows(agent):
    return any(lane["name"] == "watch" and lane["busy"] for lane in agent.status()["lanes"])


def quiet_agent(lab, node, **more):
    """One that has seen the images, does nothing, and looks again in half a minute only."""
    agent = lab.agent(node, high=95, low=94, **more).start()
    check.wait_for(lambda: follows(agent), 10, "containers are followed")
    return agent


def test_seen_by_events(lab):
    """Containers that came and went between two looks count, and the pass after them goes by that."""
    node = lab.node()
    apps.load(node, 4)
    agent = quiet_agent(lab, node)
    check.equal(usage(agent)[apps.name(1)], (0, False), "before")
    node.containerd.use_once(apps.name(1))
    node.containerd.ctr("containers", "create", apps.name(2), "by-hand")
    node.containerd.ctr("containers", "rm", "by-hand")
    check.wait_for(lambda: usage(agent)[apps.name(2)] == (1, True), 3, "the second container is heard of")
    after = usage(agent)
    check.equal([after[name] for name in apps.names(1, 3, 4)], [(1, True), (0, False), (0, False)],
                "uses after two short containers")
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": 60, "imageGCLowThresholdPercent": 40}})
    agent.wait_removed(2)
    check.equal(node.names(), sorted(apps.names(1, 2)), "the images that were used stay")


def test_watch_comes_back(lab):
    """containerd is restarted: what happens afterwards is heard of, and what came meanwhile is found."""
    node = lab.node()
    apps.load(node, 3)
    agent = quiet_agent(lab, node)
    node.containerd.stop()
    check.wait_for(lambda: not follows(agent), 5, "the stream is broken")
    check.equal(agent.get("/healthz")[0], 200, "GET /healthz")
    node.containerd.start(prepare=False)
    node.containerd.container(apps.name(2), "created")
    check.wait_for(lambda: follows(agent), 15, "containers are followed again")
    check.wait_for(lambda: len(agent.lines("following the containers of")) == 2, 2, "the log says so")
    check.equal(len(agent.lines("containers are not followed: .*; trying again")), 1, "log lines that said why not")
    node.containerd.use_once(apps.name(1))
    after = usage(agent)
    check.equal([after[name] for name in apps.names(1, 2, 3)], [(1, True), (1, True), (0, False)], "uses")


def test_uses_survive(lab):
    """The agent is restarted right after a container, before it looked."""
    node = lab.node()
    apps.load(node, 2)
    agent = quiet_agent(lab, node)
    node.containerd.use_once(apps.name(1))
    agent.stop()
    check.equal(usage(agent)[apps.name(1)], (1, True), "after the end")
    agent.start()
    check.wait_for(lambda: follows(agent), 10, "containers are followed")
    check.equal(usage(agent)[apps.name(1)], (1, True), "after the restart")
    for uses in (2, 3):
        node.containerd.use_once(apps.name(1))
        check.equal(usage(agent)[apps.name(1)], (uses, True), "once more")


def test_gain_is_remembered(lab):
    """An image that was removed and comes back is first seen anew, and what it freed is known."""
    node = lab.node()
    apps.load(node, 3)
    agent = lab.agent(node).acquaint()
    done = agent.gc("--to", str(node.fs.used_percent() - 1))
    check.equal(len(done["removed"]), 1, "one is enough")
    name, removed = removed_names(done)[0], done["removed"][0]
    check.within(removed["measuredBytes"], 25 * MIB, 40 * MIB, "what its removal freed")
    check.equal(removed["lastMeasuredBytes"], None, "it was not removed before")
    apps.load(node, 3)
    agent.write_config({"image-gc": {"imageMinimumGCAge": "1h"}})
    listed = images_of(agent)
    check.equal(listed[name]["lastMeasuredBytes"], removed["measuredBytes"], "what its last removal freed")
    check.equal(listed[name]["lastMeasuredInodes"], removed["measuredInodes"], "the same in inodes")
    check.true(listed[name]["firstSeen"] > done["removed"][0]["firstSeen"], "it is first seen anew", listed[name])
    others = [image["lastMeasuredBytes"] for other, image in listed.items() if other != name]
    check.equal(others, [None] * len(others), "of the others nothing is known")
