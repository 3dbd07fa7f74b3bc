#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the laboratory's tests and prints TAP. Arguments: patterns on `file.test` names; see README.md."""

import argparse
import ast
import concurrent.futures
import fnmatch
import glob
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

try:
    from lib import agent, check, lab
except ImportError:     # grpc: said by why_not()
    agent = check = lab = None

SKIPPED = 77
TIMEOUT = 180       # of one test; the slowest takes about 40 s
ALONE = ("test_nine_images", "test_nine_images_while_loading", "test_begins_when_old_enough", "test_fast_filling",
         "test_filling_with_data")


def collect(patterns):
    """(module, function) of every test whose name matches.

    A module may say SHARED = ["space.dry_run", ...]: tests of other modules that are run for its RUNTIME as well. Their
    function is "space.dry_run".
    """
    found = []
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        module = os.path.basename(path).removesuffix(".py")
        with open(path) as file:
            tree = ast.parse(file.read())
        found += [(module, one.name) for one in tree.body
                  if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
        for one in tree.body:
            if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == "SHARED":
                found += [(module, name) for name in ast.literal_eval(one.value)]
    return [one for one in found if not patterns or any(_matches(one, pattern) for pattern in patterns)]


def _matches(test, pattern):
    module, name = test[0].removeprefix("test_"), test[1].removeprefix("test_")
    # a shared test is meant by its whole name only: docker.space.dry_run
    names = (module, f"{module}.{name}") if "." in name else (module, name, f"{module}.{name}")
    return any(fnmatch.fnmatch(which, pattern) for which in names)


def why_not():
    if os.geteuid() != 0:
        return "not root"
    for tool in ("losetup", "mount", "mkfs.ext4", "gcc", "containerd", "ctr", "runc"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if not glob.glob("/dev/loop-control"):
        return "no loop devices here"
    if lab is None:
        return f"python3-grpcio is not installed for {sys.executable}"
    return agent.missing()


def test_of(module, name):
    if "." not in name:
        return getattr(module, name)
    other, test = name.split(".")
    return getattr(importlib.import_module(f"test_{other}"), f"test_{test}")


def run_child(module, name, folder, keep):
    """In a process of its own: a hang or a crash is one failure, and the parent cleans up after it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    itself = importlib.import_module(module)
    with lab.Lab(folder, getattr(itself, "RUNTIME", "containerd")) as laboratory:
        try:
            test_of(itself, name)(laboratory)
            for one in laboratory.agents:
                one.stop()
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
        print(f"# kept: {node.fs.path}; {node.runtime.how_to_look()}", file=sys.stderr)
    for one in laboratory.agents:
        print("# kept:", *one.command("status"), file=sys.stderr)
    print("# Ctrl-C removes it", file=sys.stderr, flush=True)
    try:
        signal.pause()
    except (KeyboardInterrupt, SystemExit):
        pass


class Runner:
    """Runs tests in processes of their own and prints one TAP result each, in the order of the plan."""

    def __init__(self, tests, keep):
        self.tests, self.keep = tests, keep
        self.children = set()
        self.ended = False

    def run(self, jobs):
        """Those that measure time go first, alone; the others mostly wait, so several run at once."""
        alone = [test for test in self.tests if test[1] in ALONE]
        others = [test for test in self.tests if test[1] not in ALONE]
        print(f"1..{len(self.tests)}", flush=True)
        results = [self._print(number, self._run(*test)) for number, test in enumerate(alone, 1)]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            pending = [pool.submit(self._run, *test) for test in others]
            try:
                results += [self._print(number, one.result()) for number, one in enumerate(pending, len(alone) + 1)]
            except BaseException:
                self.end()
                raise
        return all(results) and bool(results)

    def end(self):
        """After Ctrl-C: the children clean up, and nothing new begins."""
        self.ended = True
        for child in list(self.children):
            child.terminate()

    def _run(self, module, name):
        title, begun = f"{module}.{name}".replace("test_", ""), time.monotonic()
        if self.ended:
            return title, 1, "not begun", 0
        folder = lab.make_folder()
        command = [sys.executable, os.path.abspath(__file__), "--child", module, name, folder]
        child = subprocess.Popen(command + (["--keep"] if self.keep else []), text=True,
                                 stdout=subprocess.PIPE, stderr=None if self.keep else subprocess.STDOUT)
        self.children.add(child)
        try:
            output = self._wait(child)
        except BaseException:
            self.end()
            child.wait(30)
            raise
        finally:
            self.children.discard(child)
            lab.sweep(folder)
        return title, child.returncode, output, time.monotonic() - begun

    def _wait(self, child):
        try:
            return child.communicate(timeout=None if self.keep else TIMEOUT)[0]
        except subprocess.TimeoutExpired:
            child.terminate()
        try:
            output = child.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            output = child.communicate()[0]
        return f"{output}\nno end after {TIMEOUT} s"

    @staticmethod
    def _print(number, result):
        title, code, output, seconds = result
        if code == SKIPPED:
            print(f"ok {number} {title} # SKIP {output.split('SKIP ', 1)[-1].strip()}", flush=True)
            return True
        print(f"{'ok' if code == 0 else 'not ok'} {number} {title} # {seconds:.1f} s")
        if code not in (0, 1):
            print(f"# ended with {code}")
        for line in output.strip().splitlines():
            print(line if line.startswith("#") else f"# {line}")
        sys.stdout.flush()
        return code == 0


def arguments():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("patterns", nargs="*", help="such as nine_images, space.*, *sig*; none: all")
    options.add_argument("--list", action="store_true")
    options.add_argument("--jobs", type=int, default=2 * min(2, os.cpu_count()), help="tests at once (default %(default)s)")
    options.add_argument("--keep", action="store_true", help="leave the laboratory up until Ctrl-C")
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return options.parse_args()


def main():
    chosen = arguments()
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return 0 if Runner(tests, chosen.keep).run(1 if chosen.keep else chosen.jobs) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
