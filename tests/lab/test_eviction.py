# SPDX-License-Identifier: Apache-2.0
"""Pressure by eviction thresholds, ours and the kubelet's: grace, minimum reclaim, and one disk or two."""

import os
import threading
import time

from lib import apps, check, images, loopfs
from lib.loopfs import GIB, MB, MIB

OFF = {"imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
       "inodes-high-threshold-percent": 100, "inodes-low-threshold-percent": 99}
NO_INODES = "imagefs.inodesFree<1"


def said(agent, reason, **fields):
    """The lines of an occurrence."""
    return [line for line in list(agent.log) if line.fields.get("reason") == reason
            and all(line.fields.get(name) == value for name, value in fields.items())]


class Filler(threading.Thread):
    """Takes a number of bytes at a steady rate, or more slowly where the disk is: allocated, or written as well."""

    def __init__(self, path, size, per_second, written):
        super().__init__(daemon=True)
        self.path, self.size, self.per_second = path, size, per_second
        self.block = os.urandom(4 * MIB) if written else None
        self.seconds = self.done = 0

    def run(self):
        begun = time.monotonic()
        handle = os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            while self.done < self.size:
                self.done += self._more(handle)
                time.sleep(max(0, self.done / self.per_second - (time.monotonic() - begun)))
        except OSError:
            pass        # full: the test sees that not everything is done
        finally:
            os.close(handle)
            self.seconds = time.monotonic() - begun

    def _more(self, handle):
        if self.block:
            return os.write(handle, self.block)
        os.posix_fallocate(handle, self.done, 4 * MIB)
        return 4 * MIB

    def rate(self):
        return self.done / self.seconds


def ahead_while_filling(lab, node, size, per_second, written, lead=5):
    """Fills the disk and looks at it every millisecond: the kubelet's eviction threshold is never reached."""
    # What the import left in memory, containerd would have to wait for with its first write.
    loopfs.run(["sync", "-f", node.fs.path])
    path = lab.kubelet_config("evictionHard: {imagefs.available: 15%, imagefs.inodesFree: 5%}\n")
    settings = {"kubelet": {"config": path, "lead-percent": lead}, "filesystems": {"sample-interval-max": "1s"}}
    agent = lab.agent(node, high=80, low=75, settings=settings).start()
    check.wait_for(lambda: agent.metric("threshold", filesystem="imagefs", level="kubelet_hard") > 0, 5,
                   "the kubelet's threshold is known")
    time.sleep(1.2)
    evicts = agent.metric("threshold", filesystem="imagefs", resource="bytes", level="kubelet_hard")
    watcher = lab.watch(node, step=0.001)
    filler = Filler(os.path.join(node.fs.path, "filler"), size, per_second, written)
    filler.start()
    filler.join(90)
    time.sleep(0.5)
    watcher.stop()
    least = min(available for _, available, _ in watcher.samples)
    print(f"# filled at {filler.rate() / MB:.0f} MB/s; {least / MB:.0f} MB were available at the least, the kubelet "
          f"evicts below {evicts / MB:.0f} MB; {agent.removed()} images removed")
    check.at_least(filler.done, size, "bytes taken")
    check.at_least(least, evicts, "bytes available, at any time")
    check.at_least(agent.removed(), 5, "images removed")
    check.equal(agent.metric("pressure_transitions_total", level="hard"), 0, "times that there was hard pressure")
    return filler.rate()


def test_fast_filling(lab):
    """At 500 MB/s a disk never gets to where the kubelet evicts, as long as images can make room.

    2.4 GB go onto 4 GiB, of which 1.5 GB are left and 640 MB the kubelet's; eight images have 2.4 GB.
    """
    node = lab.node(size=4 * GIB, backing=lab.memory(5 * GIB))
    node.load(*(images.big(apps.name(number)) for number in range(1, 9)))
    rate = ahead_while_filling(lab, node, 2400 * MB, 500 * MB, written=False)
    check.at_least(rate, 450 * MB, "bytes per second that the disk filled at")


def test_filling_with_data(lab):
    """The same with data, as fast as the disk here takes them.

    containerd's own writes have to wait for those: a removal takes up to two seconds. The lead has to have room for
    that; 20 % of this disk are what 5 % are of one with 8 GiB.
    """
    node = lab.node(size=2 * GIB)
    apps.load(node, 8, random=25 * MB, zeros=50 * MB)
    ahead_while_filling(lab, node, 900 * MB, 250 * MB, written=True, lead=20)


def two_disks(lab, **more):
    """A node with a nodefs of its own, and a daemon."""
    node = lab.node()
    nodefs = lab.filesystem(size=64 * MIB)
    apps.load(node, 3)
    agent = lab.agent(node, high=60, low=55, settings={
        "filesystems": {"nodefs": nodefs.path, "sample-interval-max": "500ms"}, **more}).start()
    time.sleep(1.2)
    return node, nodefs, agent


def pressure(agent, filesystem, level="hard"):
    return agent.metric("pressure", filesystem=filesystem, level=level)


def test_nodefs_apart(lab):
    """Pressure on nodefs is told, once; the images elsewhere stay. What then presses their own disk, they relieve."""
    node, nodefs, agent = two_disks(lab)
    nodefs.fill_to_percent(95)
    check.wait_for(lambda: pressure(agent, "nodefs"), 3, "pressure{filesystem=nodefs,level=hard}")
    check.stays(lambda: node.names() == apps.names(1, 2, 3), 2, "no image is removed for it")
    lines = said(agent, "DiskPressureHard")
    check.equal([line.fields["filesystem"] for line in lines], ["nodefs"], "hard pressure is told once")
    check.true(lines[0].says("no images are on this filesystem"), "and that images are no help", lines[0].text)
    check.equal(agent.verb("check", expect=(1,)).code, 1, "exit code of check")
    shown = agent.verb("status", expect=(1,)).out
    check.true("PRESSURE hard" in shown, "status shows it", shown)
    check.equal(pressure(agent, "imagefs"), 0, "pressure{filesystem=imagefs,level=hard}")
    node.fs.fill_to_percent(70)
    check.wait_for(lambda: node.fs.used_percent() <= 55, 5, "imagefs is relieved")
    agent.wait_removed(2, reason="space")
    check.equal(len(node.names()), 1, "images left")
    check.equal(pressure(agent, "nodefs"), 1, "pressure{filesystem=nodefs,level=hard}, which goes on")
    check.equal(len(said(agent, "DiskPressureHard")), 1, "lines that tell hard pressure")


def test_imagefs_apart(lab):
    """The other way round: imagefs is relieved, nodefs has nothing to do with it; then nodefs is pressed and cleared."""
    node, nodefs, agent = two_disks(lab, eviction={"evictionPressureTransitionPeriod": "1s"})
    node.fs.fill_to_percent(90)
    check.wait_for(lambda: agent.removed() == 3, 5, "the images go")
    check.wait_for(lambda: said(agent, "DiskPressureCleared"), 5, "the hard pressure of 90 % is over")
    check.equal({line.fields["filesystem"] for line in said(agent, "DiskPressureHard")}, {"imagefs"}, "where it was")
    check.equal(pressure(agent, "nodefs"), 0, "pressure{filesystem=nodefs,level=hard}")
    nodefs.fill_to_percent(95)
    check.wait_for(lambda: pressure(agent, "nodefs"), 3, "pressure{filesystem=nodefs,level=hard}")
    os.unlink(os.path.join(nodefs.path, "filler"))
    check.wait_for(lambda: not pressure(agent, "nodefs"), 4, "it is over a transition period after that")
    check.wait_for(lambda: said(agent, "DiskPressureCleared", filesystem="nodefs"), 1, "and that is told")


def test_soft_grace(lab):
    """A soft threshold: nothing for three seconds, then as much as it and its minimum reclaim ask for, and pressure
    for the transition period."""
    node = lab.node()
    apps.load(node, 3)
    agent = lab.agent(node, settings={"image-gc": OFF, "filesystems": {"sample-interval-max": "250ms"}, "eviction": {
        "evictionHard": NO_INODES, "evictionSoft": "imagefs.available<30%",
        "evictionSoftGracePeriod": "imagefs.available=3s", "evictionMinimumReclaim": "imagefs.available=5%",
        "evictionPressureTransitionPeriod": "3s"}}).start()
    time.sleep(1.3)
    watcher, filled = lab.watch(node), time.monotonic()
    node.fs.fill_to_percent(80)
    removal = check.wait_for(lambda: watcher.first_gain(25 * MB, filled), 20, "the first removal")
    check.at_least(removal - filled, 2.9, "seconds to the first removal: the grace period")
    check.wait_for(lambda: node.fs.available() >= node.fs.capacity() * 35 // 100, 20, "threshold and minimum reclaim")
    cleared = time.monotonic()
    time.sleep(0.3)
    # one image is 13 %: 80 % used take two to come to 65 %
    check.equal(len(node.names()), 1, "images left: no more than that asked for")
    check.equal(len(said(agent, "DiskPressureSoft")), 1, "soft pressure is told once")
    check.equal(pressure(agent, "imagefs", "soft"), 1, "pressure{level=soft} stays")
    shown = agent.verb("status", expect=(1,)).out
    check.true("PRESSURE soft" in shown, "status shows it", shown)
    check.wait_for(lambda: said(agent, "DiskPressureCleared", level="soft"), 20, "the end of pressure is told")
    check.at_least(time.monotonic() - cleared, 2.5, "seconds to that: the transition period")
    check.equal(pressure(agent, "imagefs", "soft"), 0, "pressure{level=soft}")
    check.equal(agent.metric("pressure_transitions_total", level="soft"), 2, "pressure_transitions_total{level=soft}")


def test_soft_grace_is_not_over(lab):
    """Below a soft threshold for less than its grace period: nothing happens at all."""
    node = lab.node()
    apps.load(node, 3)
    agent = lab.agent(node, settings={"image-gc": OFF, "filesystems": {"sample-interval-max": "250ms"}, "eviction": {
        "evictionHard": NO_INODES, "evictionSoft": "imagefs.available<30%",
        "evictionSoftGracePeriod": "imagefs.available=3s"}}).start()
    time.sleep(1.3)
    for _ in range(2):
        node.fs.fill_to_percent(80)
        time.sleep(2)
        os.unlink(os.path.join(node.fs.path, "filler"))
        time.sleep(0.6)
    check.equal((len(node.names()), said(agent, "DiskPressureSoft")), (3, []), "images left, and pressure told")


def test_hard_on_a_shared_disk(lab):
    """A hard threshold of nodefs, where the images are: they go at once, to the threshold and its minimum reclaim."""
    node = lab.node()
    apps.load(node, 3)
    agent = lab.agent(node, settings={"image-gc": OFF, "eviction": {
        "evictionHard": f"nodefs.available<30%,{NO_INODES}", "evictionMinimumReclaim": "nodefs.available=5%",
        "evictionPressureTransitionPeriod": "1s"}, "filesystems": {"sample-interval-max": "250ms"}}).start()
    time.sleep(1.3)
    watcher, filled = lab.watch(node), time.monotonic()
    node.fs.fill_to_percent(80)
    check.wait_for(lambda: watcher.first_gain(25 * MB, filled), 20, "the first removal")
    agent.wait_removed(2, reason="space")
    lines = said(agent, "DiskPressureHard")
    check.equal([(line.fields["filesystem"], line.says("no images")) for line in lines], [("nodefs", False)],
                "hard pressure is told, and nothing wrong of images")
    check.wait_for(lambda: said(agent, "DiskPressureCleared", filesystem="nodefs"), 4, "the end of pressure is told")
