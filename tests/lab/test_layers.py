# SPDX-License-Identifier: Apache-2.0
"""What an image is predicted to free, against what the disk shows when it goes."""

import os
import subprocess

from lib import apps, check, images
from lib.loopfs import MB, MIB


def assorted(number):
    """Thirty kinds: on one of three bases or none, some with a layer that four share, from 1 to 20 MB."""
    bases = {0: (), 1: (images.Layer(seed="small", random=1 * MB, zeros=1 * MB, files=50),),
             2: (images.Layer(seed="large", random=4 * MB, zeros=20 * MB),),
             3: (images.Layer(seed="small", random=1 * MB, zeros=1 * MB, files=50),
                 images.Layer(seed="on small", random=2 * MB, files=1200))}
    base = bases[number % 4]
    if number % 3 == 0:
        base += (images.Layer(seed=f"four {number // 12}", random=number * 50_000 + 1, zeros=777_777),)
    return apps.app(number, base=base, random=(number * 37 % 11) * 600_001 + 300_000,
                    zeros=(number * 17 % 7) * 1_100_001, files=number % 5 * 120)


def check_removals(done, count):
    check.equal(len(done["removed"]), count, "images removed")
    for one in done["removed"]:
        name, measured, predicted = one["names"][0], one["measuredBytes"], one["predictedBytes"]
        check.within(predicted, measured * 0.95, measured * 1.05, f"bytes predicted for {name}")
        check.within(one["predictedInodes"], one["measuredInodes"] - 2, one["measuredInodes"] + 2,
                     f"inodes predicted for {name}")
    predicted = sum(one["predictedBytes"] for one in done["removed"])
    measured = sum(one["measuredBytes"] for one in done["removed"])
    check.within(predicted, measured * 0.99, measured * 1.01, "bytes predicted together")


def everything(lab, node):
    """Removes all that may go, one after the other, and says what was predicted and measured."""
    agent = lab.agent(node, high=2, low=1, settings={"image-gc": {"when-futile": "proceed"}}).acquaint()
    # What an import leaves to be written later would show in the figures.
    os.sync()
    return agent.gc(expect=(0, 1))


def test_predictions(lab):
    """Layers that several share go with the last of them, so each prediction depends on those before."""
    node = lab.node(size=1024 * MIB, options=["-N", "65536"])
    node.load(*(assorted(number) for number in range(1, 31)))
    check_removals(everything(lab, node), 30)


def test_predictions_in_use(lab):
    """What a container or another namespace holds as well is nobody's gain."""
    node = lab.node(size=512 * MIB)
    base = (images.Layer(seed="base", random=5 * MB, zeros=15 * MB, files=200),)
    node.load(*(apps.app(number, base=base) for number in (1, 2, 3)))
    node.containerd.container(apps.name(1), "exited")
    elsewhere = images.simple(apps.name(2), base=base)
    importer = subprocess.Popen(["ctr", "--address", node.containerd.socket, "--namespace", "elsewhere", "images",
                                 "import", "--no-unpack", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    with importer.stdin:
        node.containerd.store.write_archive(elsewhere, importer.stdin)
    check.equal(importer.wait(60), 0, "ctr's exit status")
    done = everything(lab, node)
    check_removals(done, 2)
    gains = {one["names"][0]: one["measuredBytes"] for one in done["removed"]}
    check.within(gains[apps.name(2)], 20 * MB, 22 * MB, "app2: its snapshot alone, the blobs are elsewhere too")
    check.within(gains[apps.name(3)], 30 * MB, 33 * MB, "app3: blob and snapshot of its own layer")
