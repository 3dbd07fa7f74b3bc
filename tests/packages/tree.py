# SPDX-License-Identifier: Apache-2.0
"""A Debian of its own in a folder: debootstrapped from this machine's mirror, used through chroot, or booted."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

TREE_MIB = 1024
SERVICE = "disk-pressure-agent.service"


class Impossible(Exception):
    """Something that this needs is not here; the text says what."""


class Problem(AssertionError):
    pass


def call(command, timeout=120, expect=(0,), **more):
    """Standard output and error together; any other exit code than expected is a Problem that shows them."""
    more.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False,
                          encoding="utf-8", errors="replace", **more)
    if expect is not None and done.returncode not in expect:
        raise Problem(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


def this_release():
    with open("/etc/os-release", encoding="utf-8") as file:
        facts = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', file.read(), re.M))
    return facts.get("VERSION_CODENAME", "")


def this_mirror(release):
    """Where this machine's own packages come from."""
    if not shutil.which("apt-get"):
        raise Impossible("no apt-get to ask for the mirror")
    targets = call(["apt-get", "indextargets", "--format", "$(CREATED_BY) $(RELEASE) $(COMPONENT) $(ORIGIN) $(REPO_URI)"])
    for line in targets.splitlines():
        created, suite, component, _, address = line.split(" ", 4)
        if (created, suite, component) == ("Packages", release, "main"):
            return address
    raise Impossible(f"apt's sources have no {release} main")


def proxy():
    shown = call(["apt-config", "dump", "--format", "%v", "Acquire::http::Proxy"])
    return {"http_proxy": shown.strip()} if shown.strip() else {}


def libraries(control):
    """The packages of the shared libraries that the source package is built with: its lib*-dev name them."""
    with open(control, encoding="utf-8") as file:
        wanted = re.findall(r"^ (lib[\w.+-]+-dev),$", file.read(), re.M)
    found = []
    for name in wanted:
        depends = call(["dpkg-query", "-W", "-f", "${Depends}", name], expect=None)
        found += re.findall(r"(lib[\w.+-]+)(?::\w+)? \(= ", depends)
    return sorted(set(found))


def why_not():
    if os.geteuid() != 0:
        return "not root"
    if not shutil.which("debootstrap"):
        return "debootstrap is not installed"
    if not this_release():
        return "this is no Debian"
    return ""


def why_no_boot():
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn (package systemd-container) is not installed"
    return ""


class Tree:
    """A system in a folder. run() works in it whether it is booted or not."""

    def __init__(self, folder):
        self.folder, self.path = folder, os.path.join(folder, "tree")
        self.mounted, self.nspawn, self.leader = False, None, None

    # making it

    def make(self, control):
        why = why_not()
        if why:
            raise Impossible(why)
        release = this_release()
        os.makedirs(self.path)
        self._mount()
        include = ["systemd", "systemd-sysv", *libraries(control)]
        log = call(["debootstrap", "--variant=minbase", "--include=" + ",".join(include), release, self.path,
                    this_mirror(release)], timeout=400, expect=None, env={**os.environ, **proxy()})
        with open(os.path.join(self.folder, "debootstrap.log"), "w", encoding="utf-8") as file:
            file.write(log)
        if not os.path.exists(f"{self.path}/sbin/init"):
            raise Impossible(f"debootstrap did not get there: {log.splitlines()[-1] if log else 'nothing said'}")
        return self

    def _mount(self):
        """In memory where there is plenty: dpkg waits for the disk after each file."""
        with open("/proc/meminfo", encoding="utf-8") as file:
            available = next(int(line.split()[1]) // 1024 for line in file if line.startswith("MemAvailable"))
        if available > 3 * TREE_MIB:
            call(["mount", "-t", "tmpfs", "-o", f"size={TREE_MIB}m,nr_inodes=50k,mode=755", "tmpfs", self.path])
            self.mounted = True

    def close(self):
        self.halt()
        if self.mounted:
            for _ in range(50):
                if subprocess.run(["umount", self.path], capture_output=True, check=False).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                call(["umount", "--lazy", self.path], expect=None)
            self.mounted = False
        shutil.rmtree(self.path, ignore_errors=True)

    # its processes

    def boot(self, *binds):
        """systemd as PID 1, with a network that has nothing but a loopback."""
        why = why_no_boot()
        if why:
            raise Impossible(why)
        command = ["systemd-nspawn", "--quiet", "--register=no", "--private-network", "--console=pipe", "--boot",
                   f"--directory={self.path}", f"--machine=packages-{os.getpid()}", *(f"--bind={one}" for one in binds)]
        if not os.path.isdir("/run/systemd/system"):
            command.append("--keep-unit")       # there is nobody who would give it a unit of its own
        self.log = os.path.join(self.folder, "boot.log")
        with open(self.log, "wb") as log:
            self.nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.nspawn.poll() is None:
            self.leader = init_below(self.nspawn.pid)
            if self.leader and self.systemctl("is-system-running", expect=None).strip() in ("running", "degraded"):
                return
            time.sleep(0.2)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            text = log.read()
        self.halt()
        raise Impossible("systemd does not come up in a container here: " + (text.strip().splitlines() or ["no word"])[-1])

    def halt(self):
        if not self.nspawn:
            return
        self.nspawn.send_signal(signal.SIGTERM)
        try:
            self.nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait(10)
        if self.leader:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGKILL)
        self.nspawn = self.leader = None
        for hierarchy in ("systemd", "unified"):        # what --keep-unit leaves behind
            for name in ("payload", "supervisor"):
                with contextlib.suppress(OSError):
                    os.rmdir(f"/sys/fs/cgroup/{hierarchy}/{name}")

    @property
    def booted(self):
        return self.nspawn is not None

    def run(self, *command, **more):
        into = ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w"] if self.booted else \
            ["chroot", self.path]
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                       "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root", "TERM": "dumb"}
        return call([*into, *command], env=environment, **more)

    def systemctl(self, *arguments, **more):
        return self.run("systemctl", *arguments, **more)

    def show(self, name, unit=SERVICE):
        return self.systemctl("show", "--value", "-p", name, unit).strip()

    def read_proc(self, name):
        """Of the service's main process, as this machine sees it."""
        inner = self.show("MainPID")
        return self.run("cat", f"/proc/{inner}/{name}")

    def journal(self, unit=SERVICE):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit, expect=None)

    # its files

    def at(self, path):
        return self.path + path

    def has(self, path):
        return os.path.lexists(self.at(path))

    def read(self, path):
        with open(self.at(path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
        with open(self.at(path), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.at(path), mode)

    def files(self):
        """Every path, but for those of a running system and of dpkg's own books."""
        ignored = re.compile(r"/(proc|sys|dev|run|tmp|var/(log|cache|tmp|lib/(dpkg|apt|systemd|rpm)))(/.*)?")
        found = set()
        for folder, folders, files in os.walk(self.path):
            inner = folder[len(self.path):]
            folders[:] = [one for one in folders if not ignored.fullmatch(f"{inner}/{one}")]
            found |= {f"{inner}/{one}" for one in folders + files}
        return found


def init_below(pid):
    """The child that is process 1 of a namespace of its own. (At first there is another, which is not.)"""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        for child in file.read().split():
            with open(f"/proc/{child}/status", encoding="utf-8") as status:
                if re.search(r"^NSpid:\t\d+\t1$", status.read(), re.M):
                    return int(child)
    return None
