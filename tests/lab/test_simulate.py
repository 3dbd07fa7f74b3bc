# SPDX-License-Identifier: Apache-2.0
"""A node that was written down plans as the node itself does."""

import json
import os

from lib import apps, check, images
from lib.agent import ids, removed_names
from lib.containerd import PAUSE
from lib.loopfs import MB, MIB


def simulate(lab, agent, scenario, *options, events=()):
    """The answer to a scenario with these events."""
    path = os.path.join(agent.folder, "scenario.json")
    with open(path, "w") as file:
        json.dump(dict(scenario, events=list(events)), file)
    return agent.verb("simulate", path, "--json", *options).json


def removed_ids(answer):
    return [one["image"] for one in answer["actions"]]


def test_inventory_plans_alike(lab):
    """Layers that are shared, containers in every state, a pass by hand: the replay has the plan's victims and gains."""
    base = (images.Layer(seed="base", random=10 * MB, zeros=10 * MB),)
    node = lab.node(size=512 * MIB)
    apps.load(node, 4)
    node.load(*(images.simple(f"lab.test/shared{number}:1", base=base) for number in (1, 2)))
    node.load(images.simple("lab.test/kept:1"))
    node.load(images.simple("lab.test/built-here:1", recoverable=False))
    node.containerd.container(apps.name(2), "running")
    node.containerd.container(apps.name(3), "exited")
    node.fs.fill_to_percent(70)
    agent = lab.agent(node, settings={"image-gc": {"keep": "lab.test/kept:*"}}).acquaint()
    for high, low in ((60, 40), (60, 55), (90, 80)):
        agent.write_config({"image-gc": {"imageGCHighThresholdPercent": high, "imageGCLowThresholdPercent": low}})
        scenario, plan = agent.verb("inventory", "--json").json, agent.plan()
        answer = simulate(lab, agent, scenario, events=[{"at": 0, "gc": True}])
        check.equal(removed_ids(answer), ids(plan["removed"]), f"victims at {high}/{low}, in order")
        # the inventory and the plan are a moment apart, and containerd writes a little of its own
        for one, told in zip(answer["actions"], plan["removed"]):
            check.within(one["freedBytes"], told["predictedBytes"] - 65536, told["predictedBytes"] + 65536,
                         f"gain of {told['names']} at {high}/{low}")
    check.equal(len(plan["removed"]), 0, "nothing to do at 90/80")


def test_inventory_is_a_scenario(lab):
    """What inventory prints for people is read as well, and describes the filesystem as it is."""
    node = lab.node()
    apps.load(node, 2)
    agent = lab.agent(node).acquaint()
    scenario = json.loads(agent.verb("inventory").out)
    check.equal(scenario["version"], 1, "version")
    held = sum(layer["bytes"] for layer in scenario["layers"].values())
    imagefs = scenario["filesystems"]["imagefs"]
    space = os.statvfs(node.fs.path)
    check.equal(imagefs["capacityBytes"], space.f_blocks * space.f_frsize, "capacity")
    used = imagefs["otherBytes"] + held
    check.within(used, (space.f_blocks - space.f_bavail) * space.f_frsize - MB,
                 (space.f_blocks - space.f_bavail) * space.f_frsize + MB, "what is used")
    check.equal(scenario["filesystems"]["nodefs"]["device"], imagefs["device"], "one filesystem")
    check.equal(scenario["policy"]["imageGCHighThresholdPercent"], 60, "policy")
    names = sorted(name for image in scenario["images"] for name in image["names"] if "app" in name and "@" not in name)
    check.equal(names, apps.names(1, 2), "images")
    for image in scenario["images"]:
        check.true(image["firstSeen"] <= -1, f"{image['names']} was seen by the daemon before", image["firstSeen"])
    both = simulate(lab, agent, scenario, "--as", "agent,kubelet", events=[{"at": 60, "end": True}])
    check.equal(sorted(both), ["agent", "kubelet"], "both answer")


def test_plan_as_kubelet(lab):
    """By the kubelet's rules: nominal sizes are added up, so more goes than is needed, a kept image too."""
    node = lab.node()
    apps.load(node, 5)
    agent = lab.agent(node, settings={"image-gc": {"keep": apps.name(1)}}).acquaint()
    path = lab.kubelet_config("imageGCHighThresholdPercent: 60\nimageGCLowThresholdPercent: 40\nevictionHard: {}\n"
                              "imageMinimumGCAge: 1s\n")
    ours = agent.plan()
    alone = agent.plan("--as", "kubelet")
    check.equal((alone["kubelet"]["source"], alone["kubelet"]["imageGCHighThresholdPercent"]), (None, 85), "its defaults")
    check.equal((alone["result"], alone["removed"]), ("nothing-to-do", []), "75 % are no matter by its defaults")
    shown = agent.verb("plan", "--as", "kubelet").out
    check.true("no kubelet was found" in shown, "it says that there is none", shown)
    agent.write_config({"kubelet": {"config": path}})
    kubelet = agent.plan("--as", "kubelet")
    check.equal(kubelet["kubelet"], {"source": path, "imageGCHighThresholdPercent": 60, "imageGCLowThresholdPercent": 40,
                                     "imageMinimumGCAge": "1s", "imageMaximumGCAge": "0s"}, "what it goes by")
    check.equal(len(ours["removed"]), 3, "three are enough")
    # containerd 1.6 has no pinned images, and the kubelet protects no others: the pause image goes as well
    check.equal(sorted(removed_names(kubelet)), sorted(apps.names(1, 2, 3, 4, 5) + [PAUSE.name]), "the kubelet takes all")
    check.equal(len(node.names()), 5, "a plan changes nothing")
    shown = agent.verb("plan", "--as", "kubelet").out
    check.true(path in shown and "60% down to 40%" in shown, "it says what it goes by", shown)
    lab.kubelet_config("imageMinimumGCAge: 1h\nevictionHard: {imagefs.available: 80%}\n")
    young = agent.plan("--as", "kubelet")
    check.equal((young["removed"], young["evictsForSignal"]), ([], "imagefs.available"), "all too young: a pod would go")
    agent.verb("plan", "--as", "kubelet", "--to", "30", expect=(2,))
