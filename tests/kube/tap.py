# SPDX-License-Identifier: Apache-2.0
"""Tests as functions with a decorator, printed as TAP; each gets a folder of its own."""

import sys
import tempfile
import time
import traceback

TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Skip(Exception):
    pass


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def true(condition, *what):
    if not condition:
        raise AssertionError(": ".join(map(str, what)))


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def main(why_not=""):
    """Runs all tests, or those named as arguments; the exit status."""
    if why_not:
        print(f"1..0 # SKIP {why_not}")
        return 0
    wanted, failed = sys.argv[1:], 0
    tests = [one for one in TESTS if not wanted or one.__name__ in wanted]
    print(f"1..{len(tests)}", flush=True)
    for number, one in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="dpa-kube-") as folder:
            try:
                one(folder)
                print(f"ok {number} - {one.__name__}", flush=True)
            except Skip as why:
                print(f"ok {number} - {one.__name__} # SKIP {why}", flush=True)
            except Exception:
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {one.__name__}", flush=True)
    return 1 if failed else 0
