#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the packages from the release archive and tries them in a system of their own. Prints TAP.

    run.py ARCHIVE FOLDER       everything that is made is below FOLDER, which is emptied first

What needs root, debootstrap or a container says so and is skipped. The tests build upon each other: they run in order.
"""

import json
import os
import re
import shutil
import signal
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lab")]

import containers  # noqa: E402
from build import Builds  # noqa: E402
from tree import SERVICE, Impossible, Problem, Tree, call  # noqa: E402

CONFIG = "/etc/disk-pressure-agent/agent.conf"
DROPIN = "/etc/disk-pressure-agent/agent.conf.d/50-site.conf"
STATE = "/var/lib/disk-pressure-agent"
PROGRAM = "/usr/sbin/disk-pressure-agent"
ADMINS = "\n[image-gc]\nimageGCHighThresholdPercent = 77\n"     # what an administrator changed
SHIPPED = "# The next version explains more.\n"                # what the next version ships


def require(condition, what, *values):
    if not condition:
        raise Problem("\n".join([what, *map(str, values)]))


def equal(got, want, what):
    require(got == want, what, f"got  {got!r}", f"want {want!r}")


def wait_for(probe, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        require(time.monotonic() < deadline, f"{what}: not within {seconds} s", f"last {value!r}")
        time.sleep(0.1)


class Context:
    """What the tests hand on to each other."""

    def __init__(self, archive, folder):
        self.builds, self.tree = Builds(archive, folder), Tree(folder)
        self.no_tree, self.no_boot, self.before, self.lab = "not made", "not tried", set(), None
        call(["tar", "-C", folder, "-xf", archive, "--wildcards", "--strip-components=3", "*/packaging/debian/control"])
        self.maker = threading.Thread(target=self._make_tree, args=(os.path.join(folder, "control"),))

    def _make_tree(self, control):
        try:
            self.tree.make(control)
            self.no_tree = ""
        except Impossible as why:
            self.no_tree = str(why)
        except Exception:
            self.no_tree = traceback.format_exc()

    def needs_tree(self, package):
        self.maker.join()
        if self.no_tree:
            raise Impossible(self.no_tree)
        require(package, "the package was not built")
        return self.tree

    def needs_boot(self):
        self.needs_tree(self.builds.deb)
        if self.no_boot:
            raise Impossible(self.no_boot)
        return self.tree

    def close(self):
        self.maker.join()
        try:
            self.tree.close()
        finally:
            if self.lab:
                self.lab.close()


# --- the packages ---------------------------------------------------------------------------------------

FILES = {
    CONFIG: "0644", "/etc/disk-pressure-agent/agent.conf.d": "0755", PROGRAM: "0755",
    "/usr/share/bash-completion/completions/disk-pressure-agent": "0644",
    "/usr/share/doc/disk-pressure-agent/README.md": "0644", "/usr/share/doc/disk-pressure-agent/SECURITY.md": "0644",
    "/usr/share/doc/disk-pressure-agent/examples/own-user.conf": "0644",
    "/usr/share/man/man5/disk-pressure-agent-scenario.5": "0644", "/usr/share/man/man5/disk-pressure-agent.conf.5": "0644",
    "/usr/share/man/man7/disk-pressure-agent-metrics.7": "0644", "/usr/share/man/man8/disk-pressure-agent.8": "0644",
    "/usr/lib/systemd/system/disk-pressure-agent.service": "0644",
}


def compare_files(listing):
    """Of [(path, mode)]: what people rely on is there, with its mode; nothing writable for others, nothing setuid."""
    found = {re.sub(r"^/lib/|\.gz$", lambda m: "/usr/lib/" if m[0] == "/lib/" else "", path): mode for path, mode in listing}
    for path, mode in FILES.items():
        equal(found.get(path), mode, f"mode of {path}")
    require(all(mode in ("0644", "0755", "0700", "0777") for mode in found.values()), "modes", found)


def deb_builds(context):
    context.builds.build_deb()


def deb_pleases_lintian(context):
    require(context.builds.deb, "the package was not built")
    said = context.builds.lintian()
    require(not said, "lintian has something to say", *said)


def deb_has_its_files(context):
    require(context.builds.deb, "the package was not built")
    listing = [line.split() for line in call(["dpkg-deb", "--contents", context.builds.deb]).splitlines()]
    require(all(line[1] == "root/root" for line in listing), "root's", listing)
    compare_files([(line[5][1:].rstrip("/"), octal(line[0])) for line in listing if line[0][0] != "l"])


def octal(text):
    return "0" + "".join(str(sum(bit for letter, bit in zip(text[at:at + 3], (4, 2, 1)) if letter in "rwx"))
                         for at in (1, 4, 7))


def rpm_builds(context):
    context.builds.build_rpm()


def rpm_has_its_files(context):
    require(context.builds.rpm, "the package was not built")
    listing = [line.split() for line in call(["rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME}\n]",
                                              context.builds.rpm]).splitlines()]
    require(all(line[2] == "root" for line in listing), "root's", listing)
    compare_files([(line[0], "0" + line[1][-3:]) for line in listing if line[1][-6:-4] != "12"])
    equal(call(["rpm", "-qp", "--configfiles", context.builds.rpm]).split(), [CONFIG], "configuration files")


# --- installed, not running -------------------------------------------------------------------------------

def deb_installs(context):
    tree = context.needs_tree(context.builds.deb)
    context.before = tree.files()
    install_deb(tree, context.builds.deb)
    equal(tree.run("dpkg", "--audit"), "", "dpkg --audit")
    require("/etc/disk-pressure-agent/agent.conf " in tree.run("dpkg-query", "-W", "-f", "${Conffiles}", "disk-pressure-agent"),
            "agent.conf is a conffile")
    equal(tree.systemctl("is-enabled", SERVICE).strip(), "enabled", "the service")
    for question in ("was-enabled", "debian-installed"):
        tree.run("env", "DPKG_MAINTSCRIPT_PACKAGE=disk-pressure-agent", "deb-systemd-helper", question, SERVICE)
    equal(tree.run(PROGRAM, "config", "check"), f"{CONFIG}: OK\n", "config check")
    require(context.builds.version in tree.run(PROGRAM, "version"), "version")


def install_deb(tree, deb, *options):
    shutil.copy(deb, tree.at("/root/package.deb"))
    said = tree.run("dpkg", *options, "--install", "/root/package.deb")
    os.unlink(tree.at("/root/package.deb"))
    return said


# --- running ----------------------------------------------------------------------------------------------

def starts_with_the_system(context):
    """Booted, the service runs because installing it has enabled it; with a containerd beside it where that can be had."""
    tree = context.needs_tree(context.builds.deb)
    binds = prepare_lab(context)
    try:
        tree.boot(*binds)
        context.no_boot = ""
    except Impossible as why:
        context.no_boot = str(why)
        raise
    wait_for(lambda: tree.show("ActiveState") == "active", 20, "the service is active")
    equal(tree.show("NRestarts"), "0", "restarts")
    require("disk-pressure-agent" in tree.journal(), "its journal", tree.journal())
    said = tree.run(PROGRAM, "status", expect=(0, 1))
    require("agent: running" in said or "not running" not in said, "status asks the running agent", said)


def prepare_lab(context):
    """A real containerd on a filesystem of its own, if this machine has what that takes; and the agent's thresholds for it."""
    context.lab, context.no_lab = containers.start()
    if not context.lab:
        return []
    node = context.lab.nodes[0]
    context.tree.write(DROPIN, f"[filesystems]\nnodefs = {node.fs.path}\n[runtime]\nendpoint = unix://{node.containerd.socket}\n"
                       "[image-gc]\nimageGCHighThresholdPercent = 60\nimageGCLowThresholdPercent = 40\n"
                       "imageMinimumGCAge = 0s\n")
    return [context.lab.folder]


def is_confined(context):
    """What the kernel says of the process is what the unit asks for."""
    tree = context.needs_boot()
    status = dict(re.findall(r"^(\w+):\s*(.*)$", tree.read_proc("status"), re.M))
    equal(status["NoNewPrivs"], "1", "NoNewPrivs")
    equal(status["Seccomp"], "2", "Seccomp: a filter")
    equal(status["Uid"].split(), ["0"] * 4, "Uid")
    for name in ("CapBnd", "CapEff", "CapPrm"):
        equal(int(status[name], 16), 1 << 2, f"{name}: CAP_DAC_READ_SEARCH")
    for name in ("CapInh", "CapAmb"):
        equal(int(status[name], 16), 0, name)
    boot = tree.run("cat", "/proc/sys/kernel/random/boot_id")
    require(f"DPA_BOOT_ID={boot.strip().replace('-', '')}" in tree.read_proc("environ"), "the boot's ID in its environment")
    equal(tree.show("MemoryMax"), str(256 << 20), "MemoryMax")
    resident = int(re.search(r"(\d+) kB", status["VmHWM"])[1]) / 1024
    require(resident < 64, f"resident: {resident:.1f} MiB")
    print(f"# resident at most {resident:.1f} MiB of 256")


PROBE = r"""#!/bin/sh
# Tells what a process in the service's place can do. Each line is an answer.
find / \( -path /proc -o -path /dev/pts \) -prune -o \( -type d -o -type f \) -writable -print 2>/dev/null | sed 's/^/writable /'
for one in /proc/sys /proc/kallsyms; do [ ! -e $one ] || echo "sees $one"; done
mount -t tmpfs none /mnt 2>/dev/null && echo "mounts"
unshare -m true 2>/dev/null && echo "makes namespaces"
chown 1 "$STATE_DIRECTORY" 2>/dev/null && echo "gives files away"
setpriv --reuid 1 --clear-groups true 2>/dev/null && echo "becomes somebody else"
touch "$STATE_DIRECTORY/own" && chmod u+s "$STATE_DIRECTORY/own" 2>/dev/null && echo "makes setuid files"
hostname other 2>/dev/null && echo "renames the host"
date -s 2020-01-01 >/dev/null 2>&1 && echo "sets the clock"
nice -n -5 true 2>/dev/null && [ "$(nice -n -5 nice 2>/dev/null)" = -5 ] && echo "takes priority"
[ ! -e /dev/sda ] && [ ! -e /dev/vda ] && [ ! -e /dev/mem ] || echo "has devices"
rm -f "$STATE_DIRECTORY/own"
echo done
"""


def writes_nowhere_else(context):
    """A shell in the agent's place, below everything that confines it."""
    tree = context.needs_boot()
    unit = tree.read("/lib/systemd/system/" + SERVICE)
    unit = re.sub(r"^(ExecStartPre|ExecReload|WatchdogSec|Restart|RestartSec|NotifyAccess)=.*\n", "", unit, flags=re.M)
    unit = re.sub(r"^ExecStart=.*$", "ExecStart=/usr/local/sbin/probe\nStandardOutput=journal", unit, flags=re.M)
    tree.write("/usr/local/sbin/probe", PROBE, 0o755)
    tree.write("/run-probe/probe.service", re.sub(r"^Type=.*$", "Type=oneshot", unit, flags=re.M))
    tree.run("cp", "/run-probe/probe.service", "/run/systemd/system/probe.service")
    tree.systemctl("stop", SERVICE)
    try:
        tree.systemctl("daemon-reload")
        tree.systemctl("start", "probe.service", timeout=60)
        said = [line for line in tree.journal("probe.service").splitlines() if re.match(r"writable |sees |[a-z]+s |done", line)]
    finally:
        for path in ("/usr/local/sbin/probe", "/run-probe/probe.service"):
            os.unlink(tree.at(path))
        os.rmdir(tree.at("/run-probe"))
        tree.systemctl("start", SERVICE)
    own = re.compile(r"writable (/var/lib/|/run/)disk-pressure-agent(/.*)?")
    require("done" in said, "the probe ended", said)
    equal([line for line in said if not own.fullmatch(line) and line != "done"], [], "what it can do")
    require("writable /run/disk-pressure-agent" in said and "writable " + STATE in said, "its own places", said)


def reclaims(context):
    """Above the threshold it removes what nothing needs, through the runtime's socket, as it is confined."""
    tree = context.needs_boot()
    if not context.lab:
        raise Impossible(context.no_lab)
    left = containers.overfill(context.lab, "first")
    wait_for(lambda: left() and context.lab.nodes[0].fs.used_percent() <= 60, 30, "the agent removes images")
    said = tree.run(PROGRAM, "status", expect=(0, 1))
    require("reached" in said, "the last pass in status", said)


def finds_the_kubelet(context):
    """Confined as it is, it sees the kubelet's command line and reads the configuration that this names."""
    tree = context.needs_boot()
    tree.write("/usr/local/bin/kubelet", "#!/bin/sh\nsleep 600\n", 0o755)
    tree.write("/etc/kubelet-test.yaml", "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\n"
               "imageGCHighThresholdPercent: 63\nimageGCLowThresholdPercent: 50\n", 0o600)
    tree.write("/run-kubelet.service", "[Service]\nExecStart=/usr/local/bin/kubelet --config=/etc/kubelet-test.yaml\n")
    tree.run("mv", "/run-kubelet.service", "/run/systemd/system/kubelet.service")
    try:
        tree.systemctl("daemon-reload")
        tree.systemctl("start", "kubelet.service")
        tree.systemctl("restart", SERVICE)
        wait_for(lambda: 63 in kubelets_thresholds(tree), 10, "status has the kubelet's threshold")
    finally:
        tree.systemctl("stop", "kubelet.service")
        for path in ("/usr/local/bin/kubelet", "/etc/kubelet-test.yaml"):
            os.unlink(tree.at(path))


def kubelets_thresholds(tree):
    document = json.loads(tree.run(PROGRAM, "status", "--json", expect=(0, 1)))
    return [one["percent"] for filesystem in document["filesystems"] for one in filesystem["thresholds"]
            if one["level"] == "kubelet_gc_high"]


def starts_on_a_full_disk(context):
    """Not one byte is left, and no inode: the agent starts, and serves."""
    tree = context.needs_boot()
    if not tree.mounted:
        raise Impossible("the tree has no filesystem of its own that could be filled")
    require(os.listdir(tree.at(STATE)), "the state was kept before")
    try:
        tree.run("sh", "-c", "mkdir /filler && cat /dev/zero >/filler/zeros", expect=(1,))
        tree.run("sh", "-c", "i=0; while : >/filler/$i; do i=$((i + 1)); done", expect=None)
        require(os.statvfs(tree.path).f_bavail == 0, "no room", os.statvfs(tree.path))
        tree.systemctl("restart", SERVICE)
        equal(tree.show("ActiveState"), "active", "the service")
        tree.run(PROGRAM, "status", expect=(0, 1))
    finally:
        shutil.rmtree(tree.at("/filler"))


def as_its_own_user(context):
    """The example's drop-in: another user, in the group that may open the socket."""
    tree = context.needs_boot()
    if not context.lab:
        raise Impossible(context.no_lab)
    example = tree.run("cat", "/usr/share/doc/disk-pressure-agent/examples/own-user.conf")
    sysusers = re.search(r"^#\tsystemd-sysusers --inline '(.*)'$", example, re.M)[1]
    tree.run("systemd-sysusers", "--inline", sysusers, "g docker -")
    group = int(tree.run("getent", "group", "docker").split(":")[2])
    os.chown(context.lab.nodes[0].containerd.socket, 0, group)
    os.chmod(context.lab.nodes[0].containerd.socket, 0o660)
    containers.open_way(context.lab)
    folder = f"/etc/systemd/system/{SERVICE}.d"
    tree.write(f"{folder}/own-user.conf", example)
    tree.systemctl("daemon-reload")
    tree.systemctl("restart", SERVICE)
    try:
        status = dict(re.findall(r"^(\w+):\s*(.*)$", tree.read_proc("status"), re.M))
        require(status["Uid"].split()[1] != "0", "Uid", status["Uid"])
        require(str(group) in status["Groups"].split(), "Groups", status["Groups"])
        equal(int(status["CapEff"], 16), 1 << 2, "CapEff: CAP_DAC_READ_SEARCH")
        left = containers.overfill(context.lab, "second")
        wait_for(lambda: left() and context.lab.nodes[0].fs.used_percent() <= 60, 30, "the agent removes images")
    finally:
        shutil.rmtree(tree.at(folder))
        tree.systemctl("daemon-reload")
        tree.systemctl("restart", SERVICE)
    equal(dict(re.findall(r"^(\w+):\s*(.*)$", tree.read_proc("status"), re.M))["Uid"].split()[1], "0", "Uid without it")
    equal(tree.show("ActiveState"), "active", "the service")


# --- upgraded, removed, purged ------------------------------------------------------------------------------

def ship_another_configuration(folder):
    with open(folder + CONFIG, "a", encoding="utf-8") as file:
        file.write(SHIPPED)


def deb_upgrades(context):
    """Edited, the configuration stays, and the new one lies beside it; the agent runs in its new version."""
    tree = context.needs_tree(context.builds.deb)
    context.next_deb = context.builds.next_deb(ship_another_configuration)
    shipped = tree.read(CONFIG)
    tree.write(CONFIG, shipped + ADMINS)
    tree.write(DROPIN, "[agent]\nlog-level = debug\n")
    before = tree.show("MainPID") if tree.booted else ""
    install_deb(tree, context.next_deb, "--force-confdef", "--force-confold")
    equal(tree.read(CONFIG), shipped + ADMINS, "the edited configuration")
    equal(tree.read(CONFIG + ".dpkg-dist"), shipped + SHIPPED, "the new one beside it")
    require(tree.has(DROPIN), "the drop-in is there")
    equal(tree.systemctl("is-enabled", SERVICE).strip(), "enabled", "the service")
    require(".1" in tree.run("dpkg-query", "-W", "-f", "${Version}", "disk-pressure-agent"), "the version")
    shown = tree.run(PROGRAM, "config", "show")
    require("imageGCHighThresholdPercent = 77" in shown and "log-level = debug" in shown, "what is in force", shown)
    if tree.booted:
        wait_for(lambda: tree.show("ActiveState") == "active", 20, "the service is active")
        require(tree.show("MainPID") != before, "it was restarted")


def deb_upgrades_what_nobody_changed(context):
    """Untouched, the configuration is replaced without a question."""
    tree = context.needs_tree(context.builds.deb)
    tree.run("dpkg", "--purge", "disk-pressure-agent")
    install_deb(tree, context.builds.deb)
    if tree.booted:
        equal(tree.show("ActiveState"), "active", "the service, started by installing it")
    shipped = tree.read(CONFIG)
    install_deb(tree, context.next_deb)
    equal(tree.read(CONFIG), shipped + SHIPPED, "the configuration")
    equal(sorted(os.listdir(tree.at(os.path.dirname(CONFIG)))), ["agent.conf", "agent.conf.d"], "what is beside it")


def deb_disabled_stays_disabled(context):
    tree = context.needs_tree(context.builds.deb)
    tree.systemctl("disable", SERVICE)
    install_deb(tree, context.next_deb)
    equal(tree.systemctl("is-enabled", SERVICE, expect=None).strip(), "disabled", "the service")
    tree.systemctl("enable", SERVICE)


def deb_removes(context):
    """Removed, it does not run; what was configured and learnt stays, and comes back with the package."""
    tree = context.needs_tree(context.builds.deb)
    tree.write(CONFIG, tree.read(CONFIG) + ADMINS)
    tree.write(f"{STATE}/usage", "kept")
    pid = tree.show("MainPID") if tree.booted else ""
    tree.run("dpkg", "--remove", "disk-pressure-agent")
    require(not tree.has(PROGRAM) and not tree.has("/lib/systemd/system/" + SERVICE), "the program is gone")
    require(tree.has(CONFIG) and tree.has(f"{STATE}/usage"), "configuration and state stay")
    if tree.booted:
        require(tree.show("ActiveState") != "active" and not os.path.isdir(tree.at(f"/proc/{pid}")), "it was stopped")
    install_deb(tree, context.next_deb, "--force-confold")
    require(ADMINS in tree.read(CONFIG), "the configuration is back in force")
    equal(tree.systemctl("is-enabled", SERVICE).strip(), "enabled", "the service")


def deb_purges(context):
    """Purged, the system is as it was before."""
    tree = context.needs_tree(context.builds.deb)
    tree.write(DROPIN, "[agent]\n")
    tree.write(f"/var/lib/private{STATE[8:]}/usage", "of a service with DynamicUser=")
    tree.run("dpkg", "--purge", "disk-pressure-agent")
    after = tree.files()
    users = {path for path in after if re.fullmatch(r"/etc/(passwd|group|shadow|gshadow)-", path)}
    equal(sorted(after - context.before - users), [], "left behind")
    equal(sorted(context.before - after), [], "gone with it")
    require("disk-pressure-agent" not in tree.systemctl("list-unit-files", expect=None), "no unit is known")


# --- RPM -----------------------------------------------------------------------------------------------------

def rpm_in(context, action, *arguments):
    """On a tree without an RPM distribution's packages: nothing there tells what they provide."""
    more = [] if action == "--query" else ["--nodeps"]
    return call(["rpm", "--root", context.tree.path, "--dbpath", "/var/lib/rpm", action, *more, *arguments])


def rpm_installs(context):
    tree = context.needs_tree(context.builds.rpm)
    tree.halt()
    context.before = tree.files()
    rpm_in(context, "--install", context.builds.rpm)
    rpm_in(context, "--verify", "disk-pressure-agent")
    equal(tree.systemctl("is-enabled", SERVICE).strip(), "enabled", "the service, by the system's presets")
    equal(tree.run(PROGRAM, "config", "check"), f"{CONFIG}: OK\n", "config check")


def rpm_upgrades(context):
    tree = context.needs_tree(context.builds.rpm)
    following = context.builds.next_rpm(ship_another_configuration)
    shipped = tree.read(CONFIG)
    tree.write(CONFIG, shipped + ADMINS)
    tree.systemctl("disable", SERVICE)
    rpm_in(context, "--upgrade", following)
    equal(tree.read(CONFIG), shipped + ADMINS, "the edited configuration")
    equal(tree.read(CONFIG + ".rpmnew"), shipped + SHIPPED, "the new one beside it")
    require("-2" in rpm_in(context, "--query", "disk-pressure-agent"), "the release")
    equal(tree.systemctl("is-enabled", SERVICE, expect=None).strip(), "disabled", "the service, as it was left")
    tree.systemctl("enable", SERVICE)


def rpm_erases(context):
    """RPM has no purge: an edited configuration is set aside, and the state stays."""
    tree = context.needs_tree(context.builds.rpm)
    tree.write(f"{STATE}/usage", "kept")
    rpm_in(context, "--erase", "disk-pressure-agent")
    left = sorted(tree.files() - context.before - {"/usr/share/licenses"})      # that is the distribution's
    kept = ["/etc/disk-pressure-agent", CONFIG + ".rpmnew", CONFIG + ".rpmsave", STATE, f"{STATE}/usage"]
    equal(left, sorted(kept), "left behind")


TESTS = [deb_builds, deb_pleases_lintian, deb_has_its_files, rpm_builds, rpm_has_its_files, deb_installs,
         starts_with_the_system, is_confined, writes_nowhere_else, reclaims, finds_the_kubelet, starts_on_a_full_disk,
         as_its_own_user, deb_upgrades,
         deb_upgrades_what_nobody_changed, deb_disabled_stays_disabled, deb_removes, deb_purges,
         rpm_installs, rpm_upgrades, rpm_erases]


def run(context, number, test):
    begun = time.monotonic()
    title = f"{number} - {test.__name__.replace('_', ' ')}"
    try:
        test(context)
        print(f"ok {title} # {time.monotonic() - begun:.1f} s")
    except Impossible as why:
        print(f"ok {title} # SKIP {str(why).strip().splitlines()[-1]}")
    except Exception as problem:
        print(f"not ok {title}")
        text = str(problem) if isinstance(problem, Problem) else traceback.format_exc()
        print("".join(f"# {line}\n" for line in text.splitlines()), end="")
        if context.tree.booted:
            print("".join(f"# | {line}\n" for line in context.tree.journal().splitlines()[-20:]), end="")
    sys.stdout.flush()


def main():
    if len(sys.argv) != 3 or not os.path.isfile(sys.argv[1]):
        print(__doc__, file=sys.stderr)
        return 2
    folder = os.path.abspath(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    context = Context(os.path.abspath(sys.argv[1]), folder)
    context.maker.start()
    try:
        print(f"1..{len(TESTS)}", flush=True)
        for number, test in enumerate(TESTS, 1):
            run(context, number, test)
    finally:
        context.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
