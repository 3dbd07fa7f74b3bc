# SPDX-License-Identifier: Apache-2.0
"""One laboratory: a private folder, what was built in it, and the guarantee that all of it goes away again."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time

from . import apps, check, images, loopfs
from .agent import Agent
from .containerd import Containerd
from .docker import Docker
from .hostnode import HostContainerd
from .http_proxy import HttpProxy
from .podman import Podman
from .proxy import Proxy

RUNTIMES = {"containerd": Containerd, "docker": Docker, "podman": Podman}


class Node:
    """A filesystem with a runtime on it, as the agent finds it."""

    def __init__(self, fs, runtime):
        self.fs, self.runtime = fs, runtime

    @property
    def containerd(self):
        return self.runtime

    @property
    def cri(self):
        return self.runtime.cri

    def load(self, *wanted):
        return [self.runtime.load(image) for image in wanted]

    def names(self):
        return self.runtime.names()


class Lab:
    """Use as a context manager. Sizes and thresholds are the caller's; every process and mount is ours."""

    def __init__(self, folder=None, runtime="containerd"):
        self.folder, self.runtime = folder or make_folder(), runtime
        self.stack = contextlib.ExitStack()
        self.agents, self.nodes, self.proxies, self.disks = [], [], [], 0
        self.more_logs = []     # (title, function that gives the text)
        self.store = images.Store()
        apps.for_runtime(runtime)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.stack.close()
        finally:
            sweep(self.folder)

    def memory(self, size):
        """A folder in memory for a filesystem that is to be fast, or None where there is too little of it."""
        with open("/proc/meminfo") as file:
            free = next(int(line.split()[1]) * loopfs.KIB for line in file if line.startswith("MemAvailable:"))
        if free < 2 * size:
            return None
        path = os.path.join(self.folder, "memory")
        os.makedirs(path)
        loopfs.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path])
        self.stack.callback(loopfs.umount, path)
        return path

    def filesystem(self, kind="ext4", size=256 * loopfs.MIB, options=(), backing=None):
        fs = loopfs.LoopFs(self.folder, kind, size, options, name=f"disk{self.disks}", backing=backing)
        self.disks += 1
        self.stack.callback(fs.umount)
        return fs.mount()

    def node(self, kind="ext4", size=256 * loopfs.MIB, options=(), backing=None):
        return self.node_on(self.filesystem(kind, size, options, backing), self.runtime)

    def node_on(self, fs, runtime):
        """One more runtime, on a filesystem that may have others already."""
        folder = os.path.join(self.folder, f"n{len(self.nodes)}")
        kind_of_runtime = RUNTIMES[runtime]
        lacking = [one for one in getattr(kind_of_runtime, "programs", ()) if not shutil.which(one)]
        if lacking:
            raise check.Skip(f"{lacking[0]} is not installed")
        itself = kind_of_runtime(folder, os.path.join(fs.path, runtime), self.store)
        self.stack.callback(itself.close)
        os.makedirs(folder)
        node = Node(fs, itself.start())
        self.nodes.append(node)
        return node

    def host_node(self, size=512 * loopfs.MIB):
        """A node in namespaces of its own, see hostnode.py."""
        fs = self.filesystem(size=size)
        folder = os.path.join(self.folder, f"n{len(self.nodes)}")
        containerd = HostContainerd(folder, fs.path, self.store)
        self.stack.callback(containerd.close)
        os.makedirs(folder)
        node = Node(fs, containerd.start())
        self.nodes.append(node)
        return node

    def proxy(self, node, before=None, after=None):
        socket_path = os.path.join(self.folder, f"p{len(self.proxies)}.sock")
        kind = Proxy if self.runtime == "containerd" else HttpProxy
        proxy = kind(socket_path, node.runtime.socket, before, after).start()
        self.proxies.append(proxy)
        self.stack.callback(proxy.close)
        return proxy

    def agent(self, node, high=60, low=40, minimum_age="1s", endpoint=None, settings=None):
        """An agent for that node, not started: no daemon yet, but its verbs work."""
        base = {"filesystems": {"nodefs": node.fs.path, "imagefs": "auto"},
                "image-gc": {"imageGCHighThresholdPercent": high, "imageGCLowThresholdPercent": low,
                             "imageMinimumGCAge": minimum_age},
                "runtime": {"endpoint": f"unix://{endpoint or node.runtime.socket}", "timeout": "30s"}}
        for section, keys in (settings or {}).items():
            base.setdefault(section, {}).update(keys)
        return self._agent(base)

    def agent_of(self, nodes, high=60, low=40, minimum_age="1s", settings=None):
        """One for several runtimes: a section [runtime NAME] for each of nodes, which are by name."""
        base = {"filesystems": {"nodefs": next(iter(nodes.values())).fs.path, "imagefs": "auto",
                                "sample-interval-max": "200ms"},
                "image-gc": {"imageGCHighThresholdPercent": high, "imageGCLowThresholdPercent": low,
                             "imageMinimumGCAge": minimum_age, "keep-unrecoverable": "no"}}
        for name, node in nodes.items():
            base[f"runtime {name}"] = {"endpoint": f"unix://{node.runtime.socket}", "timeout": "30s"}
        for section, keys in (settings or {}).items():
            base.setdefault(section, {}).update(keys)
        return self._agent(base)

    def _agent(self, base):
        agent = Agent(os.path.join(self.folder, f"a{len(self.agents)}"), base)
        self.agents.append(agent)
        self.stack.callback(agent.kill)
        return agent

    def kubelet_config(self, text):
        """Writes a KubeletConfiguration for the setting kubelet.config; the path of it."""
        path = os.path.join(self.folder, "kubelet.yaml")
        with open(path, "w") as file:
            file.write("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + text)
        return path

    def watch(self, node, step=0.002):
        watcher = DiskWatcher(node.fs, step)
        self.stack.callback(watcher.stop)
        return watcher.start()

    def logs(self):
        """What a failing test should show."""
        for number, agent in enumerate(self.agents):
            yield f"agent {number}, last lines of its log", agent.log_tail()
        for number, node in enumerate(self.nodes):
            if os.path.exists(node.runtime.log_path):
                yield f"runtime {number}, last lines of its log", node.runtime.log_tail(8)
        for title, read in self.more_logs:
            yield title, read()


class DiskWatcher:
    """Polls statvfs by itself every few ms: an independent witness of when the disk filled and emptied."""

    def __init__(self, fs, step):
        self.fs, self.step = fs, step
        self.samples = []       # (monotonic time, available bytes, used percent)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._ends.set()
        self._thread.join(5)

    def _run(self):
        handle = os.open(self.fs.path, os.O_RDONLY)
        try:
            last = None
            while not self._ends.is_set():
                state = os.fstatvfs(handle)
                available = state.f_bavail * state.f_frsize
                if available != last:
                    self.samples.append((time.monotonic(), available, loopfs.used_percent(state)))
                    last = available
                time.sleep(self.step)
        finally:
            os.close(handle)

    def first_at_or_over(self, percent):
        return next((at for at, _, used in list(self.samples) if used >= percent), None)

    def first_gain(self, at_least, since):
        """When the available bytes had grown by that much from the least after `since`: a removal is done."""
        least = None
        for at, available, _ in [one for one in list(self.samples) if one[0] >= since]:
            least = available if least is None else min(least, available)
            if available - least >= at_least:
                return at
        return None

    def lowest_used_percent(self, since):
        return min(used for at, _, used in list(self.samples) if at >= since)


def make_folder():
    # Short: a unix socket's path has 107 bytes at most.
    return tempfile.mkdtemp(prefix="dpa-lab-", dir=os.environ.get("DPA_LAB_DIR"))


def sweep(folder):
    """Ends every process and mount below a laboratory's folder, whatever state it was left in."""
    for pid in processes_of(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.05 if loopfs.mounts_below(folder) else 0)
    for path in reversed(loopfs.mounts_below(folder)):
        loopfs.umount(path, patience=1)
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(folder):
    """Daemons and shims carry the private folder in their command line; container programs left a pid file."""
    found = []
    spared = ancestors()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                if folder.encode() in file.read() and int(entry) not in spared:
                    found.append(int(entry))
    for path, _, files in os.walk(folder):
        for name in {"init.pid", "pidfile"}.intersection(files):
            with contextlib.suppress(OSError, ValueError), open(os.path.join(path, name)) as file:
                found += [pid for pid in [int(file.read())] if _is_pause(pid)]
    return found


def _is_pause(pid):
    """The pid may have been given away since: only our one container program counts."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().startswith(b"/pause")


def ancestors():
    pid, found = os.getpid(), set()
    while pid > 1:
        found.add(pid)
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
    return found
