#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the agent rescue a filesystem that is being filled with images. `./run --sandbox` starts it."""

import os
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import run as runner

if not runner.why_not():
    from lib import check, images, lab

SIZE, HIGH, LOW, MINIMUM_AGE = 4 << 30, 60, 40, 3
IMAGES = 14
# Few bytes that do not compress make an image quick to build: 300 MB on disk, 40 MB to CRI.
RANDOM, ZEROS = 40_000_000, 220_000_000
BAR = 30
NEEDED = 5 << 30        # for the filesystem's file and the archives, in the worst case


class Timeline:
    """Lines as they happen: seconds, how full the disk is, what was done or said."""

    def __init__(self, fs):
        self.fs, self.begun = fs, time.monotonic()
        self.lock = threading.Lock()
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def say(self, text, paint=""):
        with self.lock:
            used = self.fs.used_percent()
            full = round(used * BAR / 100)
            bar = "#" * full + "." * (BAR - full)
            mark = round(HIGH * BAR / 100)
            bar = bar[:mark] + "|" + bar[mark:]
            line = f"{time.monotonic() - self.begun:5.1f} s  [{bar}] {used:3d} %  {text}"
            print(f"\033[{paint}m{line}\033[0m" if paint and self.colour else line, flush=True)


class Reporter(threading.Thread):
    """Puts the agent's own words on the timeline, as it logs them."""

    PAINT = {"error": "31", "warning": "33", "notice": "1"}

    def __init__(self, agent, timeline):
        super().__init__(daemon=True)
        self.agent, self.timeline, self.ends, self.told = agent, timeline, threading.Event(), 0

    def run(self):
        while not self.ends.wait(0.01):
            self.tell()

    def tell(self):
        for line in self.agent.log[self.told:]:
            self.told += 1
            if line.fields.get("event") == "removed":
                self.timeline.say(f"agent: {line.fields['message']}", "32")
            elif line.fields and line.level != "debug":
                self.timeline.say(f"agent: {line.fields.get('message')}", self.PAINT.get(line.level, ""))

    def stop(self):
        self.ends.set()
        self.join(5)
        self.tell()


def name(number):
    return f"sandbox.test/app{number}:1"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    reason = runner.why_not()
    if reason:
        print(f"sandbox: {reason}", file=sys.stderr)
        return 2
    folder = lab.make_folder()
    try:
        return rescue_in(folder)
    except check.Failure as problem:
        print(f"sandbox: {problem}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit) as end:
        print("\nsandbox: interrupted", file=sys.stderr)
        return end.code if isinstance(end, SystemExit) else 130
    finally:
        lab.sweep(folder)


def rescue_in(folder):
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < NEEDED:
        raise check.Failure(f"{os.path.dirname(folder)} has less than {NEEDED >> 30} GiB free; "
                            "name another place with DPA_LAB_DIR")
    os.environ["DPA_LAB_CACHE"] = os.path.join(folder, "archives")
    with lab.Lab(folder) as laboratory:
        return show(laboratory)


def show(laboratory):
    print(f"""A filesystem of {SIZE >> 30} GiB with a containerd of its own, below {laboratory.folder}.
{IMAGES} images of 300 MB are loaded into it while the agent watches: at {HIGH} % it has to act, down to {LOW} %.
What is in use, or younger than {MINIMUM_AGE} s, has to stay.
""", flush=True)
    node = laboratory.node(size=SIZE)
    agent = laboratory.agent(node, high=HIGH, low=LOW, minimum_age=f"{MINIMUM_AGE}s",
                             settings={"agent": {"log-level": "info"}})
    timeline = Timeline(node.fs)
    watcher = laboratory.watch(node)
    reporter = Reporter(agent, timeline)
    agent.start()
    reporter.start()
    used = load_all(node, timeline, laboratory.store)
    check.wait_for(lambda: node.fs.used_percent() < HIGH, 30, f"the disk comes under {HIGH} %")
    time.sleep(1)
    reporter.stop()
    kept = agent.plan()["kept"] if used else []
    agent.stop()
    return conclude(agent, node, watcher, used, kept)


def load_all(node, timeline, store):
    """Returns the name of the image that a container uses, or None where containers cannot be run."""
    used = None
    for number in range(1, IMAGES + 1):
        node.load(images.simple(name(number), random=RANDOM, zeros=ZEROS))
        timeline.say(f"loaded {name(number)}")
        for path in os.listdir(store.folder):
            if path.startswith("layer-"):
                os.unlink(os.path.join(store.folder, path))
        if number == 1:
            used = start_container(node, name(number), timeline)
    return used


def start_container(node, image, timeline):
    try:
        node.containerd.container(image, "running")
        timeline.say(f"a container of {image} runs")
        return image
    except Exception as problem:
        timeline.say(f"no container can be run here ({str(problem).splitlines()[0][:60]})")
        return None


def conclude(agent, node, watcher, used, kept):
    removals = [line.fields for line in agent.log if line.fields.get("event") == "removed"]
    passes = [line.fields for line in agent.log if line.fields.get("removed") and line.fields["dryRun"] == "no"]
    names = node.names()
    highest = max(percent for _, _, percent in watcher.samples)
    freed, predicted = (sum(one[key] for one in removals) for key in ("measuredBytes", "predictedBytes"))
    print(f"\nimages loaded     {IMAGES}, {IMAGES * 0.3:.1f} GB on disk"
          f"\nimages removed    {len(removals)} in {len(passes)} passes; {freed / 1e9:.2f} GB freed as measured,"
          f" {predicted / 1e9:.2f} GB predicted"
          f"\nimages left       {len(names)}"
          f"\nusage             {highest} % at most, {node.fs.used_percent()} % now")
    for at in crossings(watcher):
        first = watcher.first_gain(150_000_000, at)
        if first:
            print(f"{HIGH} % crossed      the first image was gone {(first - at) * 1000:.0f} ms later")
    if used:
        why = next((one for one in kept if used in one["names"]), {})
        print(f"in use            {used}: {why.get('reason', 'not there')}, {why.get('detail', '')}")
    good = [removals, all(one["result"] == "reached" for one in passes), node.fs.used_percent() < HIGH,
            not used or used in names]
    print("\nRescued." if all(good) else "\nNot as it should be; see above.")
    return 0 if all(good) else 1


def crossings(watcher):
    """When the disk came to the high threshold from below."""
    samples = list(watcher.samples)
    return [now[0] for before, now in zip(samples, samples[1:]) if before[2] < HIGH <= now[2]]


if __name__ == "__main__":
    sys.exit(main())
