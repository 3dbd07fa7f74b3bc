# SPDX-License-Identifier: Apache-2.0
"""A node with random images, pods, files and rules, for as many days as wanted."""

from scenario import DAY, GB, HOUR, MB, MINUTE, Trace

SANDBOX = "pause:3"


def node(dice, description, n_images, policy, fullness):
    """fullness: what all images together take, in parts of what the disk has for them."""
    bases = [(f"base-{number}", dice.randint(20, 900) * MB) for number in range(max(2, n_images // 12))]
    layers = [(f"layer-{number}", dice.choice((dice.randint(1, 60), dice.randint(50, 1500))) * MB) for number in range(n_images)]
    room = int(sum(size for _, size in bases + layers) / fullness)
    other = int(room * dice.uniform(0.05, 0.35))
    # a multiple of 100, so that percentages are whole bytes and whole inodes
    capacity = (room + other) // 100 * 100
    inodes = capacity // dice.choice((8000, 16384, 26000)) // 100 * 100
    own_nodefs = dice.random() < 0.4
    t = Trace(description, capacity, other, policy, inodes=inodes, nodefs=(40 * GB, dice.randint(1, 20) * GB) if own_nodefs else None)
    for fs in t.filesystems.values():
        if "capacityInodes" in fs:
            fs["capacityInodes"] -= fs["capacityInodes"] % 100
    for name, size in bases:
        t.layer(name, size)
    for number, layer in enumerate(layers):
        below = [name for name, _ in dice.sample(bases, dice.choice((0, 1, 1, 1, 2)))]
        t.image(f"team{number // 4 % 5}/app{number // 4}:{number % 4}", [*below, layer])
    t.layer("pause", MB)
    t.image(SANDBOX, ["pause"])
    t.has(SANDBOX, -90 * DAY)
    t.sandbox_images.append(t.images[SANDBOX]["names"][0])
    return t


def settle(dice, t, share):
    """Some of the images are there in the beginning, as many as fit, and some of them in a way that protects them."""
    disk, there = t.filesystems["imagefs"], set(t.images[SANDBOX]["layers"])
    for name in [one for one in t.images if one != SANDBOX]:
        layers = [t.layers[layer] for layer in there.union(t.images[name]["layers"])]
        fits = all(disk[other] + sum(one[what] for one in layers) <= disk[capacity] for other, what, capacity in (
            ("otherBytes", "bytes", "capacityBytes"), ("otherInodes", "inodes", "capacityInodes")))
        if dice.random() >= share or not fits:
            continue
        there.update(t.images[name]["layers"])
        if dice.random() < 0.04:
            t.images[name]["pinned"] = True
        if dice.random() < 0.08:
            t.images[name]["digests"] = []
        seen = -dice.randint(0, 40 * DAY)
        t.has(name, seen, dice.choice((None, dice.randint(seen, 0))))


def reference(dice, image):
    return dice.choice([image["id"], *image["names"], *image["digests"]])


def pods(dice, t, days, n, last=(MINUTE, HOUR, 6 * HOUR), stay=0.01):
    """Some images are used all the time, most seldom; some containers stay for ever, and twice as many when they have exited."""
    names = [one for one in t.images if one != SANDBOX]
    dice.shuffle(names)
    for number in range(n):
        when = dice.random() * days * DAY
        name = names[min(len(names) - 1, int(dice.expovariate(4 / len(names))))]
        container = {"id": f"pod-{number}", "image": reference(dice, t.images[name])}
        if dice.random() < 0.05:
            container["imageVolumes"] = [reference(dice, t.images[dice.choice(names)])]
        if dice.random() < 0.05:
            container["references"] = [reference(dice, t.images[dice.choice(names)])]
        if dice.random() < 0.03:
            container["state"] = "created"
        if name not in t.told:
            t.pull(when, name)
        t.at(when, start=container)
        ends = when + dice.expovariate(1 / dice.choice(last))
        if dice.random() < stay or ends >= days * DAY:
            continue
        t.at(ends, stop=container["id"])
        if dice.random() >= 2 * stay:
            t.at(ends + dice.choice((1, 10, HOUR)), remove=container["id"])


def pulls(dice, t, days, n):
    names = [one for one in t.images if one != SANDBOX]
    for _ in range(n):
        t.pull(dice.random() * days * DAY, dice.choice(names))


def fills(dice, t, days, n, filesystem):
    """Files come in curves of several shapes, and most of them go again."""
    capacity = t.filesystems[filesystem].get("capacityBytes") or t.filesystems["imagefs"]["capacityBytes"]
    for _ in range(n):
        when, size = dice.random() * days * DAY, int(capacity * dice.choice((0.02, 0.05, 0.1, 0.3)) * dice.random())
        inodes = dice.choice((1, 50, size // 20000))
        shape = dice.choice(("burst", "slow", "steps", "at once"))
        if shape == "steps":
            for step in range(5):
                t.write(when + step * 10 * MINUTE, size // 5, 2 * MINUTE, filesystem, inodes // 5)
        else:
            t.write(when, size, {"burst": 30, "slow": 9 * HOUR, "at once": 0}[shape], filesystem, inodes)
        if dice.random() < 0.9:
            t.delete(when + dice.choice((2 * MINUTE, 2 * HOUR, 12 * HOUR)), size, filesystem, inodes)


def operations(dice, t, days, n):
    for _ in range(n):
        # between the events of everybody else
        when = dice.randrange(days * DAY) + 0.123456
        t.at(when, **dice.choice(({"gc": True}, {"restartAgent": True})))


def month(dice, description, days, n_images, n_pods, policy):
    t = node(dice, description, n_images, policy, dice.uniform(0.7, 1.6))
    settle(dice, t, dice.uniform(0.2, 0.8))
    pods(dice, t, days, n_pods)
    pulls(dice, t, days, n_pods // 10)
    for filesystem in ("imagefs", "nodefs"):
        fills(dice, t, days, dice.randrange(3 * days), filesystem)
    operations(dice, t, days, dice.randrange(2 * days))
    return t.document(days * DAY)


def busy_node(dice, days, n_images, n_events):
    """Short jobs of images that do not all fit on the disk, a job every 40 s or so; nothing stays behind."""
    t = node(dice, "A busy node.", n_images, {}, 1.1)
    settle(dice, t, 0.6)
    # of a pod there are three events, and of most images one more when they are pulled first
    pulls(dice, t, days, n_events // 60)
    pods(dice, t, days, (n_events - len(t.events)) // 3, (MINUTE, 10 * MINUTE, HOUR), 0)
    return t.document(days * DAY)


def rules(dice):
    """Every key that a replay goes by, at random, as both accept it."""
    high, inodes_high = dice.choice((dice.randint(70, 92), dice.randint(70, 92), dice.randint(30, 98))), dice.choice((90, dice.randint(30, 100)))
    minimum = dice.choice((0, 1, 30, 120, 3600))
    policy = {
        "imageGCHighThresholdPercent": high, "imageGCLowThresholdPercent": high - dice.randint(1, min(20, high)),
        "inodes-high-threshold-percent": inodes_high, "inodes-low-threshold-percent": inodes_high - dice.randint(1, min(20, inodes_high)),
        "imageMinimumGCAge": f"{minimum}s",
        "imageMaximumGCAge": dice.choice(("0s", "0s", f"{minimum + dice.choice((1, 3600, 3 * DAY))}s")),
        "order": dice.choice(("lru", "fewest-removals")),
        "keep": dice.sample(("registry.example/team1/*", "*/app7:*", "*@sha256:team2/app2:*"), dice.choice((0, 0, 1))),
        "keep-newest-per-repository": dice.choice((0, 0, 0, 0, 1, 2)),
        "keep-unrecoverable": dice.choice(("yes", "no")),
        "when-futile": dice.choice(("stop", "proceed")),
        "max-removals-per-pass": dice.choice((0, 0, 0, 1, 3)),
        "evictionPressureTransitionPeriod": f"{dice.choice((0, 30, 300, 3600))}s",
    }
    signals = ("imagefs.available", "imagefs.inodesFree", "nodefs.available", "nodefs.inodesFree")
    hard = {one: amount(dice, one, 3, 20) for one in dice.sample(signals, dice.randint(0, 4))}
    soft = {one: amount(dice, one, 10, 40) for one in dice.sample(signals, dice.choice((0, 0, 1, 4)))}
    policy.update(evictionHard=hard, evictionSoft=soft, evictionSoftGracePeriod={one: f"{dice.choice((10, 90, 1800))}s" for one in soft},
                  evictionMinimumReclaim={one: amount(dice, one, 1, 8) for one in dice.sample(signals, dice.choice((0, 0, 2)))})
    return policy


def amount(dice, signal, low, high):
    percent = dice.randint(low, high)
    if dice.random() < 0.6:
        return f"{percent}%"
    return f"{percent * 400}M" if signal.endswith("available") else f"{percent * 3}k"
