# SPDX-License-Identifier: Apache-2.0
"""Tests as functions with a decorator, printed as TAP; each gets a folder of its own."""

import concurrent.futures
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


def run(one):
    """What to print of it, and whether it failed."""
    with tempfile.TemporaryDirectory(prefix="dpa-kube-") as folder:
        try:
            one(folder)
            return [], "ok", ""
        except Skip as why:
            return [], "ok", f" # SKIP {why}"
        except Exception:
            return [f"# {line}" for line in traceback.format_exc().splitlines()], "not ok", ""


def main(why_not="", jobs=1):
    """Runs all tests, or those named as arguments, so many at once; the exit status."""
    if why_not:
        print(f"1..0 # SKIP {why_not}")
        return 0
    wanted, failed = sys.argv[1:], 0
    tests = [one for one in TESTS if not wanted or one.__name__ in wanted]
    print(f"1..{len(tests)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for number, (one, result) in enumerate(zip(tests, pool.map(run, tests)), 1):
            lines, word, more = result
            failed += word != "ok"
            print("\n".join([*lines, f"{word} {number} - {one.__name__}{more}"]), flush=True)
    return 1 if failed else 0
