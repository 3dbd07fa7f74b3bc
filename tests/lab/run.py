#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the laboratory's tests and prints TAP. Arguments: patterns on `file.test` names; see README.md."""

import argparse
import fnmatch
import glob
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

SKIPPED = 77
TIMEOUT = 180       # of one test; the slowest takes about 30 s


def collect(patterns):
    """(module, function) of every test whose name matches."""
    found = []
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        module = os.path.basename(path).removesuffix(".py")
        with open(path) as file:
            names = [line[4:line.index("(")] for line in file if line.startswith("def test_")]
        found += [(module, name) for name in names]
    return [one for one in found if not patterns or any(_matches(one, pattern) for pattern in patterns)]


def _matches(test, pattern):
    module, name = test[0].removeprefix("test_"), test[1].removeprefix("test_")
    return any(fnmatch.fnmatch(which, pattern) for which in (module, name, f"{module}.{name}"))


def why_not():
    if os.geteuid() != 0:
        return "not root"
    for tool in ("losetup", "mount", "mkfs.ext4", "gcc", "containerd", "ctr", "runc"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if not glob.glob("/dev/loop-control"):
        return "no loop devices here"
    if not importlib.util.find_spec("grpc"):
        return f"python3-grpcio is not installed for {sys.executable}"
    from lib import agent
    return agent.missing()


def run_child(module, name, folder, keep):
    """In a process of its own: a hang or a crash is one failure, and the parent cleans up after it."""
    from lib import check, lab
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with lab.Lab(folder) as laboratory:
        try:
            getattr(importlib.import_module(module), name)(laboratory)
            for agent in laboratory.agents:
                agent.stop()
            return 0
        except check.Skip as reason:
            print(f"SKIP {reason}")
            return SKIPPED
        except Exception as problem:
            report(problem, laboratory)
            return 1
        finally:
            if keep:
                wait_for_user(laboratory)


def report(problem, laboratory):
    from lib import check
    if isinstance(problem, check.Failure):
        frames = [frame for frame in traceback.extract_tb(problem.__traceback__)
                  if os.path.basename(frame.filename).startswith("test_")]
        print("".join(f"{os.path.basename(frame.filename)}:{frame.lineno}: {frame.line}\n" for frame in frames)
              + str(problem))
    else:
        print("".join(traceback.format_exception(problem)))
    for title, text in laboratory.logs():
        print(f"--- {title}\n{text}")


def wait_for_user(laboratory):
    for node in laboratory.nodes:
        print(f"# kept: {node.fs.path}; ctr -a {node.containerd.socket} -n k8s.io images ls", file=sys.stderr)
    for agent in laboratory.agents:
        print(f"# kept: {' '.join(agent.command('status'))}", file=sys.stderr)
    print("# Ctrl-C removes it", file=sys.stderr, flush=True)
    try:
        signal.pause()
    except (KeyboardInterrupt, SystemExit):
        pass


def run_one(number, module, name, keep):
    from lib import lab
    folder, begun = lab.make_folder(), time.monotonic()
    command = [sys.executable, os.path.abspath(__file__), "--child", module, name, folder]
    child = subprocess.Popen(command + (["--keep"] if keep else []), text=True,
                             stdout=subprocess.PIPE, stderr=None if keep else subprocess.STDOUT)
    try:
        output, _ = child.communicate(timeout=None if keep else TIMEOUT)
    except subprocess.TimeoutExpired:
        child.terminate()
        try:
            output = child.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            output = child.communicate()[0]
        output += f"\nno end after {TIMEOUT} s"
    except KeyboardInterrupt:
        child.terminate()
        child.communicate(timeout=30)
        raise
    finally:
        lab.sweep(folder)
    return tap_line(number, f"{module}.{name}".replace("test_", ""), child.returncode, output,
                    time.monotonic() - begun)


def tap_line(number, title, code, output, seconds):
    if code == SKIPPED:
        print(f"ok {number} {title} # SKIP {output.split('SKIP ', 1)[-1].strip()}")
        return True
    print(f"{'ok' if code == 0 else 'not ok'} {number} {title} # {seconds:.1f} s")
    if code != 0:
        for line in output.splitlines():
            print(f"# {line}")
    elif output.strip():
        for line in output.strip().splitlines():
            print(line if line.startswith("#") else f"# {line}")
    sys.stdout.flush()
    return code == 0


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("patterns", nargs="*", help="such as nine_images, space.*, *sig*; none: all")
    options.add_argument("--list", action="store_true")
    options.add_argument("--keep", action="store_true", help="leave the laboratory up until Ctrl-C")
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        return run_child(*chosen.patterns, chosen.keep)
    tests = collect(chosen.patterns)
    if chosen.list:
        print("\n".join(f"{module}.{name}".replace("test_", "") for module, name in tests))
        return 0
    reason = why_not()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    print(f"1..{len(tests)}", flush=True)
    results = [run_one(number, *test, chosen.keep) for number, test in enumerate(tests, 1)]
    return 0 if all(results) and results else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
