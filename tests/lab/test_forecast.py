# SPDX-License-Identifier: Apache-2.0
"""How fast the filesystem fills, and when that is worth a word."""

import os
import threading
import time

from lib import apps, check, images
from lib.loopfs import GIB, MB

RATE = 8 * MB       # per second; the disk of the first test is full after two minutes


class Writer(threading.Thread):
    """Allocates a growing file at a steady rate, in steps of a tenth of a second."""

    def __init__(self, fs, rate):
        super().__init__(daemon=True)
        self.path, self.rate = os.path.join(fs.path, "log"), rate
        self.ends = threading.Event()

    def run(self):
        size, begun = 0, time.monotonic()
        handle = os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            while not self.ends.wait(0.1):
                more = int((time.monotonic() - begun) * self.rate) - size
                os.posix_fallocate(handle, size, more)
                size += more
        finally:
            os.close(handle)


def writer(lab, node, rate):
    thread = Writer(node.fs, rate)
    thread.start()
    lab.stack.callback(thread.join, 5)
    lab.stack.callback(thread.ends.set)
    return thread


def told(agent):
    return [line for line in agent.warnings("DiskFillingFast") if line.fields.get("reason") == "DiskFillingFast"]


def fills_fast(agent):
    return [one["filesystem"] for one in agent.status()["filesystems"] if one["fillingFast"]]


def test_filling_fast(lab):
    """A steady writer on the images' filesystem: known within a minute, told once, by one of both roles."""
    node = lab.node(size=GIB)
    apps.load(node, 3)
    agent = lab.agent(node, high=100, low=99, settings={"image-gc": {"when-futile": "proceed"}}).start()
    check.equal(agent.metric("time_to_full_seconds", filesystem="imagefs"), float("inf"), "time_to_full_seconds")
    begun = time.monotonic()
    writer(lab, node, RATE)
    time.sleep(20)
    check.equal((fills_fast(agent), told(agent)), ([], []), "twenty seconds are no trend")
    # What the agent removes meanwhile is no filesystem that fills more slowly.
    check.equal(len(agent.gc("--to", "1", expect=(0, 1))["removed"]), 3, "images removed in between")
    check.wait_for(lambda: told(agent), 100, "DiskFillingFast")
    check.at_least(time.monotonic() - begun, 30, "seconds until it is told")
    line = told(agent)[0]
    check.equal(line.fields["filesystem"], "imagefs", "one role speaks for the filesystem")
    check.at_most(int(line.fields["timeToFullAfterReclaimSeconds"]), 15 * 60, "timeToFullAfterReclaimSeconds")
    check.wait_for(lambda: fills_fast(agent) == ["nodefs", "imagefs"], 15, "both roles show it")
    time.sleep(max(0, begun + 80 - time.monotonic()))
    for role in ("nodefs", "imagefs"):
        check.within(agent.metric("fill_rate_bytes_per_second", filesystem=role), RATE * 0.9, RATE * 1.1,
                     f"fill_rate_bytes_per_second of {role}")
    left = node.fs.available() / RATE
    check.within(agent.metric("time_to_full_after_reclaim_seconds", filesystem="imagefs"), left * 0.8, left * 1.3,
                 "time_to_full_after_reclaim_seconds")
    check.true("imagefs fills fast" in agent.verb("status", expect=None).out, "status says so")
    check.equal(len(told(agent)), 1, "times it is told")


def test_burst_is_no_trend(lab):
    """An image arrives within seconds: no forecast of a full disk, neither meanwhile nor afterwards."""
    node = lab.node(size=GIB)
    agent = lab.agent(node, high=100, low=99).start()
    time.sleep(1)
    used = node.fs.available()
    node.load(images.big("lab.test/burst:1"))
    check.at_least(used - node.fs.available(), 250 * MB, "bytes that came at once")
    # The next one is what a rate that is averaged over some time would say, for minutes.
    check.stays(lambda: agent.metric("fill_rate_bytes_per_second", filesystem="imagefs") <= 0, 40,
                "the fill rate shows nothing of it", step=0.5)
    check.equal((fills_fast(agent), told(agent)), ([], []), "nothing is told")
