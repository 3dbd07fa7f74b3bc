# SPDX-License-Identifier: Apache-2.0
"""Runs cri-client against a double and looks at what it says and how long it takes. Tests print TAP."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback

CLIENT = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "tests", "unit", "cri-client")
DEADLINE = 0.4
# Sanitizers and a busy machine take their time; a hang takes for ever.
PATIENCE = DEADLINE + 2
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def run(socket_path, *commands, deadline=DEADLINE, root="", endpoint=None, patience=60):
    """What each command printed. Fails when the client crashes or takes longer than that."""
    arguments = [CLIENT, endpoint or f"unix://{socket_path}", str(int(deadline * 1000)), *commands]
    done = subprocess.run(arguments, capture_output=True, timeout=patience,
                          env=dict(os.environ, CRI_CLIENT_ROOT=root))
    if done.returncode not in (0, 1) or done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def fails(socket_path, errno, pattern, *commands, deadline=DEADLINE, **more):
    started = time.monotonic()
    answer = run(socket_path, *(commands or ("probe",)), deadline=deadline, **more)[-1]
    took = time.monotonic() - started
    if "error" not in answer:
        raise AssertionError(f"no error: {answer}")
    if answer["errno"] not in ((errno,) if isinstance(errno, str) else errno):
        raise AssertionError(f"{answer['errno']} instead of {errno}: {answer['error']}")
    if not re.search(pattern, answer["error"]):
        raise AssertionError(f"{answer['error']!r} does not say {pattern!r}")
    if took > deadline + PATIENCE - DEADLINE:
        raise AssertionError(f"took {took:.2f} s with a deadline of {deadline} s")
    return took


def main():
    """Runs all tests, or those named as arguments; the exit status."""
    wanted = sys.argv[1:]
    tests = [one for one in TESTS if not wanted or one.__name__ in wanted]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, one in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="dpa-cri-") as folder:
            try:
                one(os.path.join(folder, "s"))
                print(f"ok {number} - {one.__name__}", flush=True)
            except Exception:
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {one.__name__}", flush=True)
    return 1 if failed else 0
