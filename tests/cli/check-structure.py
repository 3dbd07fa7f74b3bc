#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: what HACKING.md says about the tree is so: directions, the purity of core/, lengths, names."""

import os
import re
import shutil
import subprocess
import traceback

TOP = os.environ.get("TOP_SRCDIR", ".")
BUILD = os.environ.get("TOP_BUILDDIR", ".")
NM = os.environ.get("NM", "nm")

EDGES = {"config", "node", "runtime", "kube", "expose"}
MAY_INCLUDE = {"util": {"util"}, "core": {"core", "util"}, "sim": {"sim", "core", "util"}, "transport": {"transport", "util"},
               **{edge: {edge, "core", "transport", "util"} for edge in EDGES}}

# What core/ may use of util/, and of libc: nothing that reads, writes, waits or knows the time.
PURE_UTIL = {"alloc", "arena", "buf", "err", "human", "parse", "utf8"}
PURE_LIBC = re.compile(r"""mem(cpy|move|set|cmp|r?chr|mem)|str(len|n?cmp|r?chr|chrnul|c?spn|pbrk|sep|nlen|str)|bsearch|qsort
    |fnmatch|__u?(div|mod)ti3|__udivmodti4|free|abort|v?snprintf|__assert_fail|__stack_chk_fail|__v?snprintf_chk|__mem(cpy|move|set)_chk|_GLOBAL_OFFSET_TABLE_
    |__(asan|ubsan|tsan|sanitizer|gcov)_.*|__errno_location|__ctype_b_loc""", re.VERBOSE)

FUNCTION_LINES, FILE_LINES = 100, 900
LONG_FUNCTION, LONG_FILE = 60, 500      # said, not failed
COLUMNS = 110      # clang-format holds code to 100; it leaves comments as they are
MAY_LOG = re.compile(r"agent/(cli/)?[^/]+\.c|agent/util/log\.[ch]")


class Skip(Exception):
    pass


def sources(*suffixes, folders=("agent", "tests")):
    for folder in folders:
        for path, inner, files in os.walk(os.path.join(TOP, folder)):
            inner[:] = sorted(one for one in inner if one != "__pycache__")
            for name in sorted(files):
                if name.endswith(suffixes) and ".pb-c." not in name:
                    yield os.path.relpath(os.path.join(path, name), TOP)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def remark(text):
    print(f"# {text}")


def none(found):
    if found:
        raise AssertionError("\n" + "\n".join(found))


def may_include(parts, what):
    if parts[1] == "main.c":
        return what in ("agent.h", "cli", "util")
    if len(parts) == 2:         # agent.c and its neighbours know everybody below cli/
        return what != "cli"
    return what in MAY_INCLUDE.get(parts[1], ())


def test_directions():
    found = []
    for path in sources(".c", ".h", folders=("agent",)):
        parts = path.split("/")
        if parts[1] == "cli":
            continue        # verbs know everybody
        for number, line in enumerate(read(path).splitlines(), 1):
            include = re.match(r'\s*#\s*include "([^"]+)"', line)
            if include and not may_include(parts, include[1].split("/")[0]):
                found.append(f"{path}:{number}: {line}")
    none(found)


def symbols(library):
    """[(object file, kind, name, section)] of a static library."""
    path = os.path.join(BUILD, ".libs", library)
    if not os.path.exists(path):
        raise Skip(f"no {path}")
    if not shutil.which(NM.split()[0]):
        raise Skip(f"no {NM}")
    listing = subprocess.run([*NM.split(), "--format=sysv", path], capture_output=True, text=True, timeout=60, check=True).stdout
    found, member = [], ""
    for line in listing.splitlines():
        if line.startswith("Symbols from ") or line.startswith("Undefined symbols from "):
            member = re.search(r"\[(.*)\]", line)[1]
        elif line.count("|") == 6:
            name, _, kind, _, _, _, section = (one.strip() for one in line.split("|"))
            found.append((member, kind, name, section))
    return found


def test_core_is_pure():
    core = symbols("libcore.a")
    module = {name: re.sub(r".*-|\.o$", "", member) for member, kind, name, _ in symbols("libutil.a") if kind in "TDRBV"}
    own = {name for _, kind, name, _ in core if kind != "U"}
    found = []
    for member, kind, name, _ in core:
        plain = re.sub(r"@.*", "", name)
        if kind == "U" and name not in own and module.get(name) not in PURE_UTIL and not PURE_LIBC.fullmatch(plain):
            found.append(f"{member} wants {name}" + (f" of util/{module[name]}" if name in module else ""))
    none(found)


def test_core_has_no_state():
    none([f"{member} has the variable {name}" for member, _, name, section in symbols("libcore.a")
          if re.fullmatch(r"\.(data|bss|tdata|tbss)|\*COM\*", section) and not re.match(r"__|\.L|_[A-Z]", name)])


def test_who_logs():
    found = []
    for path in sources(".c", folders=("agent",)):
        if not MAY_LOG.fullmatch(path):
            found += [f"{path}:{number}: {line.strip()}" for number, line in enumerate(read(path).splitlines(), 1)
                      if re.search(r"\blog_(error|warning|notice|info|debug|message)\(", line)]
    none(found)


def test_lengths():
    found = []
    for path in sources(".c", ".h"):
        lines = read(path).splitlines()
        if len(lines) > LONG_FILE:
            (found.append if len(lines) > FILE_LINES else remark)(f"{path} has {len(lines)} lines")
        begun = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                begun = number
            elif line == "}" and begun:
                length, begun = number - begun - 1, None
                if length > LONG_FUNCTION:
                    (found.append if length > FUNCTION_LINES else remark)(f"{path}:{number}: a function of {length} lines")
        found += [f"{path}:{number}: {len(line.expandtabs(8))} columns" for number, line in enumerate(lines, 1)
                  if len(line.expandtabs(8)) > COLUMNS]
    none(found)


def test_first_lines():
    found = []
    for path in [*sources(".c", ".h", ".py", ".sh", ".proto"), "check", "run", "scripts/common.sh", "configure.ac",
                 "Makefile.am", "etc/agent.conf", "systemd/disk-pressure-agent.service.in"]:
        head = "\n".join(read(path).splitlines()[:2])
        if "SPDX-License-Identifier: Apache-2.0" not in head:
            found.append(f"{path} does not begin with its licence")
    none(found)


def test_names():
    found = [f"{path}: not in kebab-case" for path in sources(".c", ".h")
             if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.[ch]", os.path.basename(path))]
    for path in sources(".c", ".h"):
        text = read(path)
        if path.endswith(".h") and "#pragma once" not in text and "banned" not in path:
            found.append(f"{path}: no #pragma once")
        found += [f"{path}: {line}" for line in re.findall(r"^typedef struct.*", text, re.M)]
    none(found)


def test_nothing_left_for_later():
    words = re.compile("|".join(("TO" "DO", "FIX" "ME", "lorem " "ipsum")))
    none([f"{path}:{number}: {line.strip()}" for path in [*sources(".c", ".h", ".py", ".sh"), "README.md"]
          for number, line in enumerate(read(path).splitlines(), 1) if words.search(line)])


def test_makefile_has_every_file():
    text = read("Makefile.am")
    none([path for path in sources(".c", ".h", folders=("agent",))
          if not re.search(rf"(^|\s){re.escape(path)}(\s|$)", text, re.M)])


def test_documents_name_what_exists():
    found = []
    for page in ("README.md", "docs/HACKING.md", "docs/SECURITY.md", "packaging/README.md"):
        for path in re.findall(r"`((?:agent|tests|docs|etc|systemd|packaging|core|cli|expose|config|runtime|util)/[\w./*-]*)`", read(page)):
            places = [path, "agent/" + path]
            if "*" not in path and not any(os.path.exists(os.path.join(TOP, one)) for one in places):
                found.append(f"{page}: {path} does not exist")
    none(found)


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        title = f"{number} - {name.removeprefix('test_')}"
        try:
            test()
            print(f"ok {title}")
        except Skip as why:
            print(f"ok {title} # SKIP {why}")
        except Exception as problem:
            print(f"not ok {title}")
            text = str(problem) if isinstance(problem, AssertionError) else traceback.format_exc()
            print("".join(f"# {line}\n" for line in text.splitlines() if line), end="")


if __name__ == "__main__":
    main()
