# SPDX-License-Identifier: Apache-2.0
"""A filesystem of one's own: a sparse file, mkfs, a loop mount, and a clean-up that does not fail."""

import contextlib
import errno
import os
import stat
import subprocess
import time

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MB = 1_000_000

MKFS = {
    # No lazy initialisation: its writes in the background would move the figures under a test.
    "ext4": ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"],
    "xfs": ["mkfs.xfs", "-q", "-f", "-K"],
    "btrfs": ["mkfs.btrfs", "-q", "-f", "-K"],
}


class LoopFs:
    """Mounted at `path`. Sizes are bytes; xfs wants 300 MiB at least, btrfs about 110 MiB."""

    def __init__(self, folder, kind="ext4", size=256 * MIB, options=(), name="disk", backing=None):
        self.kind, self.size, self.options = kind, size, list(options)
        self.file = os.path.join(backing or folder, name + ".img")
        self.path = os.path.join(folder, name)
        self.mounted = False

    def mount(self):
        with open(self.file, "wb") as backing:
            backing.truncate(self.size)
        run(MKFS[self.kind] + self.options + [self.file])
        os.makedirs(self.path, exist_ok=True)
        ensure_loop_device()
        run(["mount", "-o", "loop", self.file, self.path])
        self.mounted = True
        return self

    def umount(self):
        if self.mounted:
            # Docker leaves the mount of a container that was paused, Podman one of its own folder.
            for path in reversed(mounts_below(self.path)):
                umount(path, patience=1)
            umount(self.path)
            self.mounted = False
        if os.path.exists(self.file):
            os.unlink(self.file)

    # what the agent sees

    def statvfs(self):
        return os.statvfs(self.path)

    def available(self):
        state = self.statvfs()
        return state.f_bavail * state.f_frsize

    def capacity(self):
        state = self.statvfs()
        return state.f_blocks * state.f_frsize

    def used_percent(self):
        return used_percent(self.statvfs())

    def inodes_used_percent(self):
        return inodes_used_percent(self.statvfs())

    # filling it with something that is no image

    def fill(self, leave_available, name="filler"):
        """A file that leaves about that many bytes available. Allocated, not written: it takes no time."""
        handle = os.open(os.path.join(self.path, name), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            step = 64 * MIB
            while step >= 4 * KIB:
                want = min(step, self.available() - leave_available)
                if want < 4 * KIB or not _allocate(handle, want):
                    step //= 2
        finally:
            os.close(handle)

    def fill_to_percent(self, percent, name="filler"):
        self.fill(self.capacity() * (100 - percent) // 100, name)

    def fill_completely(self, name="filler"):
        """Zero bytes available, and no more even for root, who may use the reserved blocks."""
        handle = os.open(os.path.join(self.path, name), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            step = 64 * MIB
            while step >= 4 * KIB:
                if not _allocate(handle, step):
                    step //= 2
        finally:
            os.close(handle)


def _allocate(handle, size):
    try:
        os.posix_fallocate(handle, os.fstat(handle).st_size, size)
        return True
    except OSError as problem:
        if problem.errno != errno.ENOSPC:
            raise
        return False


def used_percent(state):
    """The kubelet's integer: 100 - floor(available * 100 / capacity), so it rounds the usage up."""
    return 100 - state.f_bavail * 100 // state.f_blocks


def inodes_used_percent(state):
    return 100 - state.f_favail * 100 // state.f_files if state.f_files else 0


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stdout.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def ensure_loop_device():
    """A minimal /dev has no node for the device that the kernel would give next."""
    free = run(["losetup", "-f"]).strip()
    if not os.path.exists(free):
        with contextlib.suppress(FileExistsError):
            os.mknod(free, 0o660 | stat.S_IFBLK, os.makedev(7, int(free.removeprefix("/dev/loop"))))


def mounts_below(folder):
    with open("/proc/self/mounts") as table:
        paths = [line.split()[1].replace("\\040", " ") for line in table]
    return [path for path in paths if path.startswith(folder + "/")]


def umount(path, patience=5):
    """Plainly while something may still be letting go; lazily when it does not."""
    deadline = time.monotonic() + patience
    while True:
        done = subprocess.run(["umount", path], capture_output=True, timeout=60)
        if done.returncode == 0 or b"not mounted" in done.stderr:
            return
        if time.monotonic() > deadline:
            subprocess.run(["umount", "-l", path], capture_output=True, timeout=60)
            return
        time.sleep(0.1)
