# SPDX-License-Identifier: Apache-2.0
"""Inodes, futility, and a disk without a single free block."""

import os
import signal
import time

from lib import apps, check, loopfs
from lib.agent import removed_names
from lib.loopfs import MB, MIB


def test_inodes(lab):
    """Plenty of bytes, few inodes: images of many small files are removed for their inodes."""
    node = lab.node(options=["-N", "16384"])
    apps.load(node, 5, files=2900, random=1 * MB, zeros=0)
    check.at_least(node.fs.inodes_used_percent(), 85, "percent of inodes used")
    check.at_most(node.fs.used_percent(), 50, "percent of bytes used")
    agent = lab.agent(node, settings={"image-gc": {"inodes-high-threshold-percent": 80,
                                                   "inodes-low-threshold-percent": 60}}).acquaint()
    done = agent.gc()
    check.equal(len(done["removed"]), 2, "two images are enough")
    check.equal({one["reason"] for one in done["removed"]}, {"inodes"}, "reason of the removals")
    check.at_most(node.fs.inodes_used_percent(), 60, "percent of inodes used afterwards")
    for one in done["removed"]:
        check.within(one["measuredInodes"], 2890, 2950, "inodes that one image frees")
        check.within(one["predictedInodes"], 2890, 2950, "inodes predicted for it")


def test_inodes_daemon(lab):
    node = lab.node(options=["-N", "16384"])
    apps.load(node, 5, files=2900, random=1 * MB, zeros=0)
    agent = lab.agent(node, settings={"image-gc": {"inodes-high-threshold-percent": 80,
                                                   "inodes-low-threshold-percent": 60}}).start()
    check.wait_for(lambda: node.fs.inodes_used_percent() <= 60, 10, "inodes are relieved")
    agent.wait_removed(2, reason="inodes")
    check.equal(len(node.names()), 3, "images left")


def test_futile(lab):
    """Something else fills the disk: removing every image would not help, so none is burned."""
    node = lab.node()
    apps.load(node, 1)
    node.fs.fill_to_percent(80)
    agent = lab.agent(node).acquaint()
    done = agent.gc(expect=(1,))
    check.equal(done["result"], "futile", "result")
    check.equal(done["removed"], [], "nothing is removed")
    check.equal(node.names(), apps.names(1), "images left")


def test_futile_daemon(lab):
    node = lab.node()
    apps.load(node, 1)
    node.fs.fill_to_percent(80)
    agent = lab.agent(node).start()
    check.wait_for(lambda: agent.passes_done(result="futile"), 8, "gc_runs_total{result=futile}")
    check.wait_for(lambda: agent.warnings("futile|would not"), 5, "the log warns of it")
    check.stays(lambda: node.names() == apps.names(1), 2, "nothing is removed")
    check.at_most(len(agent.warnings("futile")), 3, "warnings about it in some seconds: said once, not all the time")
    check.equal(agent.get("/healthz")[0], 200, "GET /healthz")


def test_futile_but_clears_hard(lab):
    """Not enough for the threshold, but enough to leave the hard one: then removing is worth it."""
    node = lab.node()
    apps.load(node, 1)
    node.fs.fill_to_percent(92)
    agent = lab.agent(node).acquaint()
    done = agent.gc(expect=(1,))
    check.equal(done["result"], "partial", "result: not as far as the low threshold")
    check.equal(removed_names(done), apps.names(1), "the image goes")
    check.at_most(node.fs.used_percent(), 85, "imagefs.available<15% is over")


def zero_bytes(lab, kind, size, options=()):
    node = lab.node(kind=kind, size=size, options=options)
    apps.load(node, 3)
    agent = lab.agent(node, high=90, low=70, settings={
        "agent": {"state-directory": os.path.join(node.fs.path, "state")}}).start()
    time.sleep(1.3)
    # Stopped while the disk fills: else it would make room for the filler again and again.
    agent.send_signal(signal.SIGSTOP)
    node.fs.fill_completely()
    agent.send_signal(signal.SIGCONT)
    return node, agent


def test_zero_bytes_free(lab):
    """ext4, zero bytes for everybody, and the agent's own state on that very disk.

    Measured: containerd 1.6.20 removes images there; its database reuses pages it has.
    """
    node, agent = zero_bytes(lab, "ext4", 256 * MIB)
    check.wait_for(lambda: node.fs.used_percent() <= 70, 10, "the disk is relieved")
    agent.wait_removed(3)
    check.equal(agent.get("/healthz")[0], 200, "GET /healthz")
    agent.stop()
    agent.start()


def test_zero_bytes_free_xfs(lab):
    node, agent = zero_bytes(lab, "xfs", 320 * MIB)
    check.wait_for(lambda: node.fs.used_percent() <= 75, 10, "the disk is relieved")
    check.wait_for(lambda: agent.removed() >= 2, 3, "images_removed_total is 2 or more")


def test_zero_bytes_free_btrfs(lab):
    """Measured: on a full btrfs containerd cannot write its database ("no space left"), so it removes nothing.

    Nobody can help through the API then. The agent has to live, to say so, and to act once there is a little room.
    """
    node, agent = zero_bytes(lab, "btrfs", 512 * MIB, ["-m", "single", "-d", "single"])
    check.wait_for(lambda: agent.metric("removal_errors_total") >= 1, 10, "removal_errors_total")
    agent.wait_line("no space left")
    check.equal(agent.get("/healthz")[0], 200, "GET /healthz")
    check.equal(len(node.names()), 3, "images left")


def one_filesystem(lab, kind, size, options, count, **sizes):
    """A daemon on that filesystem removes what is needed, no less and no more."""
    node = lab.node(kind=kind, size=size, options=options)
    empty = node.fs.used_percent()
    agent = lab.agent(node, high=95, low=90).start()
    apps.load(node, count, **sizes)
    loopfs.run(["sync", "-f", node.fs.path])
    full = node.fs.used_percent()
    each = (full - empty) / count
    check.within(full, 62, 84, f"percent used by {count} images")
    time.sleep(1.2)
    agent.reload({"image-gc": {"imageGCHighThresholdPercent": 60, "imageGCLowThresholdPercent": 40}})
    check.wait_for(lambda: node.fs.used_percent() <= 40, 45, "the disk is relieved")
    time.sleep(1)
    loopfs.run(["sync", "-f", node.fs.path])
    check.within(node.fs.used_percent(), 40 - each - 2, 40, f"percent used, of which an image has {each:.1f}")
    agent.wait_removed(count - len(node.names()))
    return node, agent


def test_ext4(lab):
    one_filesystem(lab, "ext4", 512 * MIB, [], 5, random=20 * MB, zeros=20 * MB)


def test_xfs(lab):
    """Measured: xfs frees in the background, so statvfs right after RemoveImage lags by up to 12 ms."""
    one_filesystem(lab, "xfs", 512 * MIB, [], 5, random=22 * MB, zeros=22 * MB)


def test_btrfs(lab):
    """Measured: btrfs shows freed space only after a commit (30 s), or at once after syncfs().

    An agent that measures without syncfs sees no gain there and would burn one image after the other.
    It has no inode numbers either (f_files is 0): no inode signal may come of that.
    """
    _, agent = one_filesystem(lab, "btrfs", 1024 * MIB, [], 5, random=40 * MB, zeros=40 * MB)
    check.equal(agent.metric("pressure", resource="inodes"), 0, "no inode pressure without inodes")
