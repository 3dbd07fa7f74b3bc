# SPDX-License-Identifier: Apache-2.0
"""Assertions that always print both values, and waiting with a deadline."""

import time


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Failure(AssertionError):
    pass


def true(condition, what, *values):
    if not condition:
        raise Failure(what + "".join(f"\n  {value}" for value in values))


def equal(got, want, what):
    true(got == want, what, f"got  {got!r}", f"want {want!r}")


def within(got, low, high, what):
    true(low <= got <= high, what, f"got  {got!r}", f"want {low!r} … {high!r}")


def at_most(got, limit, what):
    true(got <= limit, what, f"got  {got!r}", f"want at most {limit!r}")


def at_least(got, limit, what):
    true(got >= limit, what, f"got  {got!r}", f"want at least {limit!r}")


def is_in(got, allowed, what):
    true(got in allowed, what, f"got  {got!r}", f"want one of {allowed!r}")


def wait_for(probe, seconds, what, step=0.02):
    """The first true value that probe() returns."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        true(time.monotonic() < deadline, f"{what}: not within {seconds} s", f"last value {value!r}")
        time.sleep(step)


def stays(probe, seconds, what, step=0.05):
    """probe() is true all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = probe()
        true(value, f"{what}: no longer so", f"value {value!r}")
        time.sleep(step)
