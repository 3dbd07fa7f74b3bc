#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: the packages' files say of version and dependencies what the build says."""

import os
import re

TOP = os.environ.get("TOP_SRCDIR", ".")

# Where one package of Debian provides another name than pkg-config's module.
DEBIAN = {"libsystemd": "libsystemd-dev", "libcurl": "libcurl4-openssl-dev", "libcjson": "libcjson-dev", "inih": "libinih-dev",
          "yaml-0.1": "libyaml-dev", "libprotobuf-c": "libprotobuf-c-dev", "libmicrohttpd": "libmicrohttpd-dev",
          "gnutls": "libgnutls28-dev", "cmocka": "libcmocka-dev"}


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}\ngot  {got!r}\nwant {want!r}")


def first(pattern, path):
    found = re.search(pattern, read(path), re.M)
    if not found:
        raise AssertionError(f"{path} has nothing like {pattern}")
    return found[1]


def check_versions():
    version = first(r"^AC_INIT\(\[disk-pressure-agent\], \[([0-9.]+)\]", "configure.ac")
    equal(first(r"^(\d[0-9.]*), \d{4}-\d\d-\d\d$", "NEWS"), version, "NEWS")
    equal(first(r"^disk-pressure-agent \(([0-9.]+)-[^)]*\) ", "packaging/debian/changelog"), version, "packaging/debian/changelog")
    equal(first(r"^Version: +(\S+)$", "packaging/rpm/disk-pressure-agent.spec"), version, "the spec's version")
    equal(first(r"^\* .* - ([0-9.]+)-\d+$", "packaging/rpm/disk-pressure-agent.spec"), version, "the spec's changelog")


def modules():
    """{module of pkg-config: the least version} that configure asks for."""
    return dict(re.findall(r"^PKG_CHECK_MODULES\(\[\w+\], \[(\S+) >= ([0-9.]+)\]", read("configure.ac"), re.M))


def check_spec():
    asked = dict(re.findall(r"^BuildRequires: +pkgconfig\((\S+)\) >= ([0-9.]+)$",
                            read("packaging/rpm/disk-pressure-agent.spec"), re.M))
    equal(asked, modules(), "BuildRequires of libraries")


def check_control():
    asked = re.findall(r"^ (lib\S+-dev)(?: <!nocheck>)?,$", read("packaging/debian/control"), re.M)
    equal(sorted(asked), sorted(DEBIAN[module] for module in modules()), "Build-Depends of libraries")


def check_commands():
    """What `run` installs to build is what the package wants to be built."""
    listed = re.search(r"^BUILD_PACKAGES=\((.*?)\)", read("scripts/common.sh"), re.M | re.S)[1].split()
    asked = set(re.findall(r"^ (lib\S+-dev),$", read("packaging/debian/control"), re.M))
    equal({one for one in listed if one.startswith("lib") and one.endswith("-dev")} - {"libc6-dev"}, asked, "BUILD_PACKAGES")


CHECKS = [check_versions, check_spec, check_control, check_commands]


def main():
    print(f"1..{len(CHECKS)}")
    for number, check in enumerate(CHECKS, 1):
        title = f"{number} - {check.__name__.removeprefix('check_')}"
        try:
            check()
            print(f"ok {title}")
        except (AssertionError, OSError, KeyError) as problem:
            print(f"not ok {title}")
            print("".join(f"# {line}\n" for line in f"{type(problem).__name__}: {problem}".splitlines()), end="")


if __name__ == "__main__":
    main()
