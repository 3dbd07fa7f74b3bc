#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes those of scenarios/ that are too long to be written by hand: compose.py [NAME...], all without a name.

Every scenario has its own random numbers, by its name: the same file comes of it every time.
"""

import os
import random
import sys

from scenario import DAY, GB, HOUR, MB, MINUTE, Trace, render

HERE = os.path.dirname(os.path.abspath(__file__))
THRESHOLDS = {"imageGCHighThresholdPercent": 80, "imageGCLowThresholdPercent": 75}


def ci_node(dice):
    t = Trace("A CI node for a day: a dozen builds an hour in working hours, each leaves an image of its commit on one of six "
              "toolchains.", 70 * GB, 12 * GB, THRESHOLDS)
    t.layer("debian", 120 * MB)
    for name, size in (("go", 900), ("rust", 1900), ("node", 1100), ("java", 1300), ("python", 1000), ("cuda", 6500)):
        t.image(f"ci/{name}:1", ["debian", (f"toolchain-{name}", size * MB)])
        t.has(f"ci/{name}:1", -5 * DAY, -HOUR)
    toolchains = list(t.images)
    build, when = 0, 8 * HOUR
    while when < 18 * HOUR:
        toolchain = dice.choices(toolchains, (6, 3, 6, 3, 4, 1))[0]
        commit = f"build/{build}:1"
        t.image(commit, [*t.images[toolchain]["layers"], (f"commit-{build}", dice.randint(150, 1400) * MB)])
        takes = dice.randint(3, 14) * MINUTE
        t.run(when, f"build-{build}", toolchain, takes)
        t.pull(when + takes, commit)
        t.run(when + takes + 5, f"test-{build}", commit, dice.randint(1, 8) * MINUTE)
        build += 1
        when += dice.expovariate(12 / HOUR)
    return t.document(DAY)


def nightly_batch(dice):
    t = Trace("Services by day, and every night nine jobs one after another, each with a large image and files that it deletes again; "
              "five nights.", 100 * GB, 18 * GB, THRESHOLDS)
    t.layer("ubuntu", 80 * MB)
    t.layer("scientific", 2600 * MB)
    for number in range(6):
        t.image(f"service/{number}:1", ["ubuntu", (f"service-{number}", (500 + 150 * number) * MB)])
        t.has(f"service/{number}:1", -30 * DAY, 0)
        t.start(0, f"service-{number}", f"service/{number}:1")
    for number in range(9):
        t.image(f"batch/{number}:1", ["ubuntu", "scientific", (f"batch-{number}", (3400 + 350 * number) * MB)])
    for night in range(5):
        when = night * DAY + HOUR
        for number in range(9):
            takes = dice.randint(12, 25) * MINUTE
            t.run(when, f"batch-{night}-{number}", f"batch/{number}:1", takes)
            scratch = dice.randint(4, 12) * GB
            t.write(when + 30, scratch, takes // 2, inodes=200)
            t.delete(when + takes, scratch, inodes=200)
            when += takes + MINUTE
    return t.document(5 * DAY)


def logs_fill_disk(dice):
    t = Trace("One pod logs 9 MB a second on the filesystem of the images until somebody truncates the file; jobs of four images go on "
              "every ten minutes.", 60 * GB, 9 * GB, THRESHOLDS)
    for number in range(4):
        t.image(f"job/{number}:1", [(f"job-{number}", (1500 + 300 * number) * MB)])
        t.has(f"job/{number}:1", -3 * DAY, -HOUR)
    for number in range(5):
        t.image(f"service/{number}:1", [(f"service-{number}", 1200 * MB)])
        t.has(f"service/{number}:1", -9 * DAY, 0)
        t.start(0, f"service-{number}", f"service/{number}:1")
    t.write(20 * MINUTE, 60 * GB, 6600)
    t.delete(3 * HOUR, 45 * GB)
    for number in range(30):
        t.run(600 * number + 60, f"job-{number}", f"job/{dice.randrange(4)}:1", dice.randint(1, 6) * MINUTE)
    return t.document(5 * HOUR)


def huge_image(dice):
    t = Trace("A node for models: an image of 31 GB is pulled where three of 17 GB, two of them in use, leave 40 GB.",
              120 * GB, 29 * GB, THRESHOLDS)
    t.layer("cuda", 9 * GB)
    for number in range(3):
        t.image(f"model/{number}:1", ["cuda", (f"weights-{number}", 8 * GB + dice.randint(0, 200) * MB)])
        t.has(f"model/{number}:1", -12 * DAY, -2 * HOUR - number)
    for number in range(1, 3):
        t.start(0, f"serving-{number}", f"model/{number}:1")
    for number in range(8):
        t.image(f"tool/{number}:1", [(f"tool-{number}", (600 + 90 * number) * MB)])
        t.has(f"tool/{number}:1", -20 * DAY, -DAY * (number + 1))
    t.image("model/huge:1", ["cuda", ("weights-huge", 31 * GB)])
    t.start(11 * MINUTE + 47, "serving-huge", "model/huge:1")
    return t.document(2 * HOUR)


def shared_bases(dice):
    t = Trace("Forty services on two large bases, three releases of each on the disk: an image that nobody uses frees little, and the "
              "base not before the last one is gone.", 50 * GB, 8 * GB, THRESHOLDS)
    t.layer("base-java", 1800 * MB)
    t.layer("base-python", 2400 * MB)
    for service in range(40):
        for release in range(3):
            base = "base-python" if service % 3 == 0 else "base-java"
            t.image(f"service/{service}:{release}", [base, (f"service-{service}-{release}", dice.randint(110, 310) * MB)])
    for release in range(3):
        for service in range(40):
            name = f"service/{service}:{release}"
            if release == 0:
                t.has(name, -4 * DAY, 0)
                t.start(0, f"{service}-0", name)
                continue
            when = 2 * HOUR * release + dice.randint(0, 90 * MINUTE)
            t.start(when, f"{service}-{release}", name)
            t.at(when + 30, stop=f"{service}-{release - 1}")
            t.at(when + 60, remove=f"{service}-{release - 1}")
    t.write(7 * HOUR, 12 * GB, 5400, inodes=40)
    return t.document(10 * HOUR)


def restarts(dice):
    t = Trace("Fifteen cron jobs of images that are used again and again, on a disk that does not hold them all; the agent, or the kubelet, is "
              "restarted every five hours.", 40 * GB, 9 * GB, THRESHOLDS)
    for number in range(15):
        t.image(f"cron/{number}:1", [(f"cron-{number}", (1300 + 110 * number) * MB)])
    run = 0
    for number in range(15):
        # the first ones often, the last ones seldom
        period = (15 + 6 * number) * MINUTE
        when = dice.random() * period
        while when < DAY:
            t.run(when, f"run-{run}", f"cron/{number}:1", dice.randint(20, 150))
            run += 1
            when += period
    for number in range(1, 5):
        t.restart(number * 5 * HOUR + 17)
    return t.document(DAY)


def edge_device(dice):
    t = Trace("A small device, 14 GB of flash: four applications, a new release of one of them every six hours, for a week.",
              14 * GB, 4500 * MB, THRESHOLDS)
    t.layer("alpine", 9 * MB)
    for release in range(8):
        for app in range(4):
            t.image(f"app/{app}:{release}", ["alpine", (f"app-{app}-{release}", dice.randint(320, 900) * MB)])
    for app in range(4):
        t.has(f"app/{app}:0", -9 * DAY, 0)
        t.start(0, f"app-{app}-0", f"app/{app}:0")
    for number in range(28):
        app, release = number % 4, number // 4 + 1
        when = (number + 1) * 6 * HOUR + dice.randint(0, HOUR)
        t.start(when, f"app-{app}-{release}", f"app/{app}:{release}")
        t.at(when + 20, stop=f"app-{app}-{release - 1}")
        t.at(when + 40, remove=f"app-{app}-{release - 1}")
    return t.document(7 * DAY + 2 * HOUR)


def rolling_updates(dice):
    t = Trace("Ten services on a roomy disk, a release of one of them every hour, and a runtime that tells true sizes: the slow and easy case.",
              200 * GB, 30 * GB, {"imageGCHighThresholdPercent": 80, "imageGCLowThresholdPercent": 75})
    t.layer("ubuntu", 80 * MB)
    for number in range(120):
        size = dice.randint(900, 2100) * MB
        t.image(f"service/{number % 10}:{number // 10}", ["ubuntu", (f"release-{number}", size)], told=size + 80 * MB)
    for number in range(120):
        service, release = number % 10, number // 10
        t.start(number * HOUR + 100, f"{service}-{release}", f"service/{service}:{release}")
        if release:
            t.at(number * HOUR + 160, stop=f"{service}-{release - 1}")
            t.at(number * HOUR + 190, remove=f"{service}-{release - 1}")
    return t.document(120 * HOUR)


def new_node(dice):
    t = Trace("A node joins the cluster and pulls 45 images within four minutes, more than its disk holds below the high threshold; a third of "
              "them are for jobs that end at once.", 40 * GB, 5 * GB, THRESHOLDS)
    t.layer("debian", 120 * MB)
    for number in range(45):
        t.image(f"app/{number}:1", ["debian", (f"app-{number}", dice.randint(350, 1100) * MB)])
        if number % 3:
            t.start(5 * number, f"app-{number}", f"app/{number}:1")
        else:
            t.run(5 * number, f"job-{number}", f"app/{number}:1", dice.randint(5, 60))
    return t.document(2 * HOUR)


def quiet_node(dice):
    t = Trace("Nothing happens but a log that is rotated every night: nobody has to do anything, for a week.", 80 * GB, 20 * GB, THRESHOLDS)
    for number in range(12):
        t.image(f"service/{number}:1", [(f"service-{number}", dice.randint(300, 1500) * MB)])
        t.has(f"service/{number}:1", -90 * DAY, 0 if number < 8 else -40 * DAY)
        if number < 8:
            t.start(0, f"service-{number}", f"service/{number}:1")
    for day in range(7):
        t.write(day * DAY, 6 * GB, 23 * HOUR)
        t.delete(day * DAY + 23.5 * HOUR, 6 * GB)
    return t.document(7 * DAY)


def soft_eviction(dice):
    t = Trace("A soft threshold ahead of image collection, with a grace period and something to reclaim beyond it: a cache grows for an hour, "
              "is emptied, and grows again.", 100 * GB, 15 * GB, {
                  "imageGCHighThresholdPercent": 90, "imageGCLowThresholdPercent": 85,
                  "evictionHard": {"imagefs.available": "5%", "nodefs.available": "5%"},
                  "evictionSoft": {"imagefs.available": "20%"}, "evictionSoftGracePeriod": {"imagefs.available": "3m"},
                  "evictionMinimumReclaim": {"imagefs.available": "5Gi"}, "evictionPressureTransitionPeriod": "10m"})
    for number in range(30):
        t.image(f"tool/{number}:1", [(f"tool-{number}", dice.randint(800, 2200) * MB)])
        t.has(f"tool/{number}:1", -20 * DAY, -DAY - number * HOUR)
    for round_ in range(3):
        # over the threshold for less than the grace period, then for good
        t.write(2 * HOUR * round_ + 600, 22 * GB, 1200, inodes=900)
        t.delete(2 * HOUR * round_ + 1900, 4 * GB)
        t.write(2 * HOUR * round_ + 3000, 12 * GB, 1800, inodes=300)
        t.delete(2 * HOUR * round_ + 6000, 30 * GB, inodes=1100)
    return t.document(7 * HOUR)


COMPOSED = {one.__name__.replace("_", "-"): one for one in (
    ci_node, nightly_batch, logs_fill_disk, huge_image, shared_bases, restarts, edge_device, rolling_updates, new_node, quiet_node,
    soft_eviction)}


def compose(name):
    return render(COMPOSED[name](random.Random(name)))


def main():
    for name in sys.argv[1:] or COMPOSED:
        with open(os.path.join(HERE, "scenarios", name + ".json"), "w", encoding="utf-8") as file:
            file.write(compose(name))


if __name__ == "__main__":
    main()
