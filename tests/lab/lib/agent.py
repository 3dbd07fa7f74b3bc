# SPDX-License-Identifier: Apache-2.0
"""The program under test: its configuration, its verbs, its daemon, its log and its HTTP."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from . import check

SANITIZER = re.compile(r"ERROR: (Address|Leak|Memory)Sanitizer|runtime error:|WARNING: ThreadSanitizer")
STOP_SECONDS = 5        # the promise: SIGTERM in the middle of a pass ends the daemon within this


def program():
    return os.path.abspath(os.environ.get("DPA_BIN") or "disk-pressure-agent")


def missing():
    return "" if os.access(program(), os.X_OK) else f"no program at {program()} (set DPA_BIN)"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Line:
    at: float
    text: str
    fields: dict

    @property
    def level(self):
        return str(self.fields.get("level", self.fields.get("PRIORITY", ""))).lower()

    def says(self, pattern):
        return re.search(pattern, self.text, re.IGNORECASE) is not None


@dataclass
class Answer:
    code: int
    out: str
    err: str
    seconds: float
    started: float

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise check.Failure(f"stdout is not one JSON document\n  exit {self.code}\n  stdout {self.out[:2000]}"
                                f"\n  stderr {self.err[-2000:]}") from None

    @property
    def passes(self):
        return self.json["passes"]

    @property
    def the_pass(self):
        check.equal(len(self.passes), 1, "one device, so one pass")
        return self.passes[0]


class Agent:
    """settings: {section: {key: value}}. Everything it writes is below `folder`."""

    def __init__(self, folder, settings):
        self.folder, self.process, self.log = folder, None, []
        os.makedirs(self.folder, exist_ok=True)
        self.config_path = os.path.join(self.folder, "agent.conf")
        self.socket = os.path.join(self.folder, "agent.sock")
        self.port = free_port()
        base = {"agent": {"state-directory": os.path.join(self.folder, "state"), "log-level": "debug",
                          "log-format": "json"},
                "http": {"listen": f"127.0.0.1:{self.port} unix:{self.socket}"}}
        self.settings = merge(base, settings)
        os.makedirs(self.settings["agent"]["state-directory"], exist_ok=True)
        self.write_config()

    # configuration

    def write_config(self, changes=None):
        self.settings = merge(self.settings, changes or {})
        lines = []
        for section, keys in self.settings.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {value}" for key, value in keys.items()]
        with open(self.config_path, "w") as file:
            file.write("\n".join(lines) + "\n")

    # verbs

    def command(self, *arguments):
        return [program(), "--config", self.config_path, *arguments]

    def verb(self, *arguments, expect=(0,), timeout=60):
        started = time.monotonic()
        done = subprocess.run(self.command(*arguments), capture_output=True, timeout=timeout, text=True,
                              stdin=subprocess.DEVNULL)
        answer = Answer(done.returncode, done.stdout, done.stderr, time.monotonic() - started, started)
        for text in (line for line in answer.err.splitlines() if line):
            self.log.append(_line(f"{arguments[0]}: {text}"))
        self._check_sanitizers(answer.err)
        if expect is not None:
            check.true(answer.code in expect, f"exit code of {' '.join(arguments)}", f"got  {answer.code}",
                       f"want {expect}", f"stdout {answer.out[-1500:]}", f"stderr {answer.err[-1500:]}")
        return answer

    def knows(self, section):
        """Whether its configuration has such a section: a test of something optional asks first."""
        shown = json.loads(self.verb("config", "show", "--defaults", "--json", expect=(0,)).out)
        return section in shown

    def plan(self, *more, expect=(0, 1)):
        return self.verb("plan", "--json", *more, expect=expect).the_pass

    def gc(self, *more, expect=(0,)):
        return self.verb("gc", "--json", *more, expect=expect).the_pass

    # the daemon

    def start(self, *more, ready=True):
        self.process = subprocess.Popen(self.command("run", *more), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        if ready:
            check.wait_for(self.is_ready, 10, "the daemon gets ready")
        return self

    def _read(self, pipe):
        for raw in pipe:
            self.log.append(_line(raw.decode(errors="replace").rstrip("\n")))

    def is_ready(self):
        check.true(self.running(), "the daemon runs", f"it left with {self.process.poll()}")
        return self.get("/readyz")[0] == 200

    def running(self):
        return self.process is not None and self.process.poll() is None

    def send_signal(self, which):
        self.process.send_signal(which)

    def reload(self, changes):
        self.write_config(changes)
        self.send_signal(signal.SIGHUP)

    def stop(self, which=signal.SIGTERM):
        """Ends the daemon; exit code and time are part of the contract. The seconds it took."""
        if self.process is None:
            return 0
        begun = time.monotonic()
        if self.running():
            self.send_signal(which)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise check.Failure(f"the daemon did not leave within {STOP_SECONDS} s of SIGTERM") from None
        took = time.monotonic() - begun
        self._reader.join(5)
        self.process = None
        self._check_sanitizers("\n".join(line.text for line in self.log))
        check.equal(code, 0, "exit code of the daemon")
        return took

    def acquaint(self, seconds=1.3):
        """A daemon that only looks, for longer than the minimum age: afterwards the history knows every image.

        Without it the verbs would see each image for the first time, and keep it as too young. A build that keeps
        no history over a restart gets a minimum age of zero instead.
        """
        settings = merge(self.settings, {})
        self.write_config({"image-gc": {"imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
                                        "inodes-high-threshold-percent": 100, "inodes-low-threshold-percent": 99},
                           "eviction": {"evictionHard": "", "evictionSoft": "", "evictionSoftGracePeriod": "",
                                        "evictionMinimumReclaim": ""}})
        self.start()
        time.sleep(seconds)
        self.stop()
        self.settings = settings
        self.write_config({} if self.remembers() else {"image-gc": {"imageMinimumGCAge": "0s"}})
        return self

    def remembers(self):
        """Whether the daemon left a history behind."""
        return bool(os.listdir(self.settings["agent"]["state-directory"]))

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    @staticmethod
    def _check_sanitizers(text):
        found = SANITIZER.search(text)
        check.true(not found, "a sanitizer speaks", text[found.start():][:3000] if found else "")

    # the log

    def lines(self, pattern, since=0):
        return [line for line in list(self.log) if line.at >= since and line.says(pattern)]

    def warnings(self, pattern, since=0):
        return [line for line in self.lines(pattern, since)
                if line.level in ("warning", "warn", "error", "err", "3", "4")]

    def wait_line(self, pattern, seconds=5, since=0):
        return check.wait_for(lambda: self.lines(pattern, since), seconds, f"a log line like /{pattern}/")[0]

    def log_tail(self, lines=40):
        return "\n".join(f"{line.at:.3f} {line.text}" for line in self.log[-lines:])

    # HTTP

    def get(self, path):
        """Status and body, or (0, why) while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as problem:
            return 0, str(problem)
        finally:
            connection.close()

    def status(self):
        code, body = self.get("/status")
        check.equal(code, 200, "GET /status")
        return json.loads(body)

    def metrics(self):
        """[(name without the prefix, {label: value}, number)]"""
        code, body = self.get("/metrics")
        check.equal(code, 200, "GET /metrics")
        return [parsed for parsed in map(_sample, body.splitlines()) if parsed]

    def metric(self, name, **labels):
        """The sum over all series of that name with these labels; 0 without any."""
        return sum(value for which, have, value in self.metrics()
                   if which == name and all(have.get(key) == want for key, want in labels.items()))

    def removed(self, **labels):
        return int(self.metric("images_removed_total", **labels))

    def wait_removed(self, count, **labels):
        """The counter follows the disk by a moment, so it is waited for; and it must not run past."""
        check.wait_for(lambda: self.removed(**labels) >= count, 3, f"images_removed_total {labels} reaches {count}")
        check.equal(self.removed(**labels), count, f"images_removed_total {labels}")

    def passes_done(self, **labels):
        return int(self.metric("gc_runs_total", **labels))


def ids(images):
    return [one["id"] for one in images]


def kept_reasons(the_pass):
    """{name: reason}, every name of an image by itself."""
    return {name: one["reason"] for one in the_pass["kept"] for name in one["names"]}


def removed_names(the_pass):
    """The first tag of each removed image, in order."""
    return [next((name for name in one["names"] if "@" not in name), one["id"]) for one in the_pass["removed"]]


def merge(base, changes):
    merged = {section: dict(keys) for section, keys in base.items()}
    for section, keys in changes.items():
        merged.setdefault(section, {}).update(keys)
    return merged


def _line(text):
    try:
        fields = json.loads(text)
    except ValueError:
        fields = {}
    return Line(time.monotonic(), text, fields if isinstance(fields, dict) else {})


SAMPLE = re.compile(r"disk_pressure_([a-z_]+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def _sample(line):
    found = SAMPLE.fullmatch(line.strip())
    return found and (found[1], dict(LABEL.findall(found[2] or "")), float(found[3]))
