# SPDX-License-Identifier: Apache-2.0
"""The packages, built from the release archive as packaging/README.md says."""

import glob
import os
import re
import shutil
import subprocess

from tree import Impossible, Problem, call

NAME = "disk-pressure-agent"


def needs(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Impossible(f"{tool} is not installed")


def only(pattern):
    found = glob.glob(pattern)
    if len(found) != 1:
        raise Problem(f"{pattern}: {found or 'nothing'}, not one")
    return found[0]


def jobs():
    return os.cpu_count() or 1


class Builds:
    """Everything below `folder`; the tests of the program ran elsewhere, so they are left out here."""

    def __init__(self, archive, folder):
        self.archive, self.folder = archive, folder
        self.version = re.fullmatch(rf"{NAME}-([0-9.]+)\.tar\.xz", os.path.basename(archive))[1]
        self.deb = self.rpm = None

    def log(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    # Debian

    def build_deb(self):
        needs("dpkg-buildpackage", "dh")
        folder = os.path.join(self.folder, "deb")
        os.makedirs(folder)
        shutil.copy(self.archive, f"{folder}/{NAME}_{self.version}.orig.tar.xz")
        call(["tar", "-C", folder, "-xf", self.archive])
        source = f"{folder}/{NAME}-{self.version}"
        shutil.copytree(f"{source}/packaging/debian", f"{source}/debian")
        self.log("deb.log", call(["dpkg-buildpackage", "-us", "-uc"], cwd=source, timeout=400, env={
            **os.environ, "DEB_BUILD_OPTIONS": f"nocheck parallel={jobs()}"}))
        self.deb = only(f"{folder}/{NAME}_*.deb")
        self.changes = only(f"{folder}/*.changes")

    def lintian(self):
        """What it has to say, errors and warnings only; as another user, as it wants."""
        needs("lintian")
        done = subprocess.run(["lintian", "--allow-root", "--no-tag-display-limit", "--display-level", ">=warning", self.changes],
                              stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=200, check=False)
        said = [line for line in done.stdout.splitlines() if not line.startswith("N:")]
        if done.returncode not in (0, 2):
            raise Problem(f"lintian: exit {done.returncode}: {done.stdout}{done.stderr}")
        return said

    def next_deb(self, change):
        """The same package in its next version; change(folder) edits what it installs."""
        folder = os.path.join(self.folder, "next-deb")
        call(["dpkg-deb", "--raw-extract", self.deb, folder])
        control = f"{folder}/DEBIAN/control"
        with open(control, encoding="utf-8") as file:
            text = re.sub(r"^(Version: .*)$", r"\1.1", file.read(), flags=re.M)
        with open(control, "w", encoding="utf-8") as file:
            file.write(text)
        change(folder)
        path = os.path.join(self.folder, "next.deb")
        call(["dpkg-deb", "--root-owner-group", "--build", folder, path])
        shutil.rmtree(folder)
        return path

    # RPM

    def rpmbuild(self, *arguments, **more):
        top = os.path.join(self.folder, "rpm")
        return call(["rpmbuild", "--nodeps", "--noclean", "--without", "check", "--define", f"_topdir {top}", "--define", "_build_id_links none",
                     "--define", f"_smp_mflags -j{jobs()}", *arguments], timeout=400, **more)

    def build_rpm(self):
        needs("rpmbuild")
        self.log("rpm.log", self.rpmbuild("-ta", self.archive))
        self.rpm = only(f"{self.folder}/rpm/RPMS/*/*.rpm")

    def next_rpm(self, change):
        """The next release from what the first build installed: nothing is compiled again."""
        root = only(f"{self.folder}/rpm/BUILDROOT/*")
        source = os.path.join(self.folder, f"rpm/BUILD/{NAME}-{self.version}")
        spec = os.path.join(self.folder, "next.spec")
        with open(f"{source}/packaging/rpm/{NAME}.spec", encoding="utf-8") as file:
            text = re.sub(r"^Release: +1", "Release: 2", file.read(), flags=re.M)
        self.log("next.spec", text)
        following = os.path.join(self.folder, f"rpm/BUILDROOT/{os.path.basename(root).replace('-1.', '-2.')}")
        os.rename(root, following)
        change(following)
        self.log("next-rpm.log", self.rpmbuild("-bb", "--short-circuit", spec))
        return only(f"{self.folder}/rpm/RPMS/*/*-2.*.rpm")
