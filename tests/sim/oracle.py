# SPDX-License-Identifier: Apache-2.0
"""What must hold in every replay, found out from the scenario and the answer alone, by a node model of its own.

Times are whole microseconds. What is removed at one instant is one pass; what happens at that instant happened before.
"""

import fnmatch

BYTES, INODES = 0, 1
RESOURCES = {"bytes": BYTES, "inodes": INODES}
SAMPLE = 11_000_000     # the filesystem is looked at every 10 s, when nothing makes that more often
LOOK = 31_000_000       # images and containers are listed every 30 s
PATIENCE = 330_000_000  # a pass that could not help is repeated after five minutes at the latest


class Wrong(AssertionError):
    pass


def usec(seconds):
    return round(seconds * 1_000_000)


def go_seconds(text):
    return int(text.removesuffix("s")) * 1_000_000


# --- the node ------------------------------------------------------------------------------------------


class Device:
    def __init__(self, fs):
        self.capacity = [fs["capacityBytes"], fs["capacityInodes"]]
        self.other = [fs["otherBytes"], fs["otherInodes"]]
        self.held = [0, 0]
        self.writes = []        # [begin, duration, [bytes, inodes], [done, done]]

    def pending(self, resource, at):
        return sum(written(write, resource, at) - write[3][resource] for write in self.writes)

    def available(self, resource, at):
        used = self.other[resource] + self.held[resource] + self.pending(resource, at)
        return min(max(self.capacity[resource] - used, 0), self.capacity[resource])

    def fits(self, resource, now, at):
        return self.capacity[resource] == 0 or self.pending(resource, at) <= self.available(resource, now)

    def take_over(self, at):
        for write in self.writes:
            for resource in (BYTES, INODES):
                done = written(write, resource, at)
                self.other[resource] += done - write[3][resource]
                write[3][resource] = done


def written(write, resource, at):
    begin, duration, amount, _ = write
    if at >= begin + duration:
        return amount[resource]
    return amount[resource] * (at - begin) // duration if at > begin else 0


class Node:
    def __init__(self, document):
        self.now = 0
        self.layers = {name: (one["bytes"], one["inodes"]) for name, one in document["layers"].items()}
        self.devices, self.device_of = {}, {}
        for role, fs in document["filesystems"].items():
            if "capacityBytes" in fs:
                self.devices[fs["device"]] = Device(fs)
            self.device_of[role] = fs["device"]
        self.images_on = self.devices[self.device_of["imagefs"]]
        self.known = {}         # by ID
        for image in [*document["images"], *(event["pull"] for event in document["events"] if "sizeBytes" in event.get("pull", ()))]:
            self.known.setdefault(image["id"], image)
        self.meaning = {}       # of a reference: the image's ID
        for image in self.known.values():
            for reference in (image["id"], *image.get("names", ()), *image.get("digests", ())):
                self.meaning.setdefault(reference, image["id"])
        self.holders = {name: 0 for name in self.layers}
        self.there, self.had = {}, set()        # there: when it came, by ID
        self.last_use_ended = {}
        self.containers = {}
        for image in document["images"]:
            self.add(image["id"], usec(image["firstSeen"]))
            if image["lastUsed"] is not None:
                self.last_use_ended[image["id"]] = usec(image["lastUsed"])
        self.sandboxes = {self.meaning[one] for one in document.get("sandboxImages", ())}

    # --- images and containers

    def add(self, image, at):
        for layer in self.known[image]["layers"]:
            if self.holders[layer] == 0:
                self.hold(layer, 1)
            self.holders[layer] += 1
        self.there[image] = at
        self.had.add(image)
        self.last_use_ended.pop(image, None)

    def drop(self, image):
        """What that frees as the disk shows it: less than the layers, where there is more on it than fits."""
        before = [self.images_on.available(one, self.now) for one in (BYTES, INODES)]
        for layer in self.known[image]["layers"]:
            self.holders[layer] -= 1
            if self.holders[layer] == 0:
                self.hold(layer, -1)
        del self.there[image]
        return [self.images_on.available(one, self.now) - before[one] for one in (BYTES, INODES)]

    def hold(self, layer, sign):
        for resource in (BYTES, INODES):
            self.images_on.held[resource] += sign * self.layers[layer][resource]

    def gain(self, images):
        """What removing all of them frees."""
        users = {}
        for image in images:
            for layer in self.known[image]["layers"]:
                users[layer] = users.get(layer, 0) + 1
        gone = [self.layers[layer] for layer, count in users.items() if count == self.holders[layer]]
        return [sum(one[resource] for one in gone) for resource in (BYTES, INODES)]

    def pull(self, image):
        """What an entry of the answer has to say about it; None: it is there."""
        if image in self.there:
            return None
        missing = [0, 0]
        for layer in self.known[image]["layers"]:
            for resource in (BYTES, INODES):
                missing[resource] += self.layers[layer][resource] if self.holders[layer] == 0 else 0
        entry = {"image": image, "again": image in self.had, "bytes": 0}
        if any(missing[one] > self.images_on.available(one, self.now) for one in (BYTES, INODES) if self.images_on.capacity[one]):
            return {**entry, "failed": True}
        self.add(image, self.now)
        return {**entry, "bytes": missing[BYTES]}

    def uses(self, container):
        for reference in (container["image"], *container.get("references", ()), *container.get("imageVolumes", ())):
            if reference in self.meaning:
                yield self.meaning[reference]

    def remove_container(self, name):
        for image in self.uses(self.containers.pop(name, {"image": ""})):
            self.last_use_ended[image] = self.now

    def in_use(self, without=()):
        return {image for one in self.containers.values() if one.get("state", "running") not in without for image in self.uses(one)}

    # --- time

    def advance(self, at):
        while self.now < at:
            self.step(at)

    def step(self, at):
        full = None
        for name, device in self.devices.items():
            for resource in (BYTES, INODES):
                if not device.fits(resource, self.now, at):
                    at, full = last_fit(device, resource, self.now, at), (name, resource)
        for device in self.devices.values():
            device.take_over(at)
        self.now = at
        if full:
            device, resource = self.devices[full[0]], full[1]
            device.writes = [one for one in device.writes if one[3][resource] >= one[2][resource]]
            device.other[resource] += device.available(resource, at)
        for device in self.devices.values():
            device.writes = [one for one in device.writes if one[0] + one[1] > at]

    def write(self, event):
        device = self.devices[self.device_of[event["filesystem"]]]
        amount = [event["bytes"], event["inodes"]]
        if event["seconds"]:
            device.writes.append([self.now, usec(event["seconds"]), amount, [0, 0]])
            return
        for resource in (BYTES, INODES):
            room = device.available(resource, self.now) if device.capacity[resource] else amount[resource]
            device.other[resource] += min(amount[resource], room)

    def delete(self, event):
        device = self.devices[self.device_of[event["filesystem"]]]
        for resource, amount in ((BYTES, event["bytes"]), (INODES, event["inodes"])):
            device.other[resource] -= min(amount, max(device.other[resource], 0))


def last_fit(device, resource, now, at):
    low, high = now, at
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if device.fits(resource, now, middle) else (low, middle - 1)
    return low


# --- thresholds ----------------------------------------------------------------------------------------


class Threshold:
    """Of image collection, or of eviction with a grace period and a minimum reclaim."""

    def __init__(self, level, device, role, resource, below, target, grace=0):
        self.level, self.device, self.role, self.resource = level, device, role, resource
        self.below, self.target, self.grace = below, target, grace
        self.since = None       # it is crossed: not before the first, not after the second instant
        self.above = None       # and is not any more, since then; who looks in intervals need not have seen that

    def available(self, node):
        return self.device.available(self.resource, node.now)

    def is_below(self, node):
        return self.available(node) < self.below

    def note(self, node, before):
        """To be told whenever something happened: in between there is only less and less."""
        if self.is_below(node):
            broken = self.since is None or self.above is not None
            surely_seen = self.since is None or (self.above is not None and before - self.above >= SAMPLE)
            self.since = (before if surely_seen else self.since[0], node.now if broken else self.since[1])
            self.above = None
        elif self.since and self.above is None and (self.available(node) >= self.target or not self.may_want(node.now)):
            self.above = node.now

    def may_want(self, now):
        return self.since is not None and now - self.since[0] >= self.grace and (self.above is None or now - self.above < SAMPLE)

    def surely_wants(self, node):
        return self.since is not None and self.is_below(node) and node.now - self.since[1] >= self.grace + LOOK


def thresholds_of(policy, node):
    device = node.images_on
    for resource, high, low in ((BYTES, "imageGCHighThresholdPercent", "imageGCLowThresholdPercent"),
                                (INODES, "inodes-high-threshold-percent", "inodes-low-threshold-percent")):
        capacity = device.capacity[resource]
        # usage is rounded up: so much available makes it high - 1 percent
        below = -(-(100 - policy[high] + 1) * capacity // 100)
        yield Threshold("gc", device, "imagefs", resource, below, max(below, capacity * (100 - policy[low]) // 100))
    for level, key in (("soft", "evictionSoft"), ("hard", "evictionHard")):
        for signal, value in policy[key].items():
            role, _, what = signal.partition(".")
            resource = BYTES if what == "available" else INODES
            device = node.devices[node.device_of[role]]
            below = amount_of(value, device.capacity[resource])
            more = amount_of(policy["evictionMinimumReclaim"].get(signal, "0%"), device.capacity[resource])
            grace = go_seconds(policy["evictionSoftGracePeriod"][signal]) if level == "soft" else 0
            yield Threshold(level, device, role, resource, below, below + more, grace)


def amount_of(text, capacity):
    if text.endswith("%"):
        return int(text[:-1]) * capacity // 100
    return int(text[:-1]) * {"k": 10 ** 3, "M": 10 ** 6}[text[-1]]


# --- what must hold ------------------------------------------------------------------------------------


class Check:
    """Goes through a scenario along with the answer. The first thing that does not hold is raised as Wrong."""

    def __init__(self, document, answer):
        self.policy, self.answer = document["policy"], answer
        self.node = Node(document)
        self.thresholds = list(thresholds_of(self.policy, self.node))
        self.minimum_age = go_seconds(self.policy["imageMinimumGCAge"])
        self.maximum_age = go_seconds(self.policy["imageMaximumGCAge"])
        self.events = {}
        for event in document["events"]:
            self.events.setdefault(usec(event["at"]), []).append(event)
        self.removals = by_time(answer["actions"])
        self.pulls = iter(answer["pulls"])
        self.levels = by_time(answer["levels"])
        self.begun = {}         # of a level that is active
        self.restarted = 0
        self.end = next(usec(one["at"]) for one in document["events"] if "end" in one)

    def run(self):
        for now in sorted({*self.events, *self.removals, *self.levels}):
            self.instant(now)
        if next(self.pulls, None):
            self.wrong("more pulls than the scenario has")
        self.sums()

    def wrong(self, what):
        raise Wrong(f"at {self.node.now / 1e6}: {what}")

    def instant(self, now):
        before = self.node.now
        self.node.advance(now)
        self.note(before)
        for event in self.events.get(now, ()):
            self.take_place(event)
            self.note(now)
        for level in self.levels.get(now, ()):
            self.take_level(level)
        if now in self.removals:
            asked_for = any("gc" in event for event in self.events.get(now, ()))
            self.begin_pass(asked_for)
            for removal in self.removals[now]:
                self.take_removal(removal, asked_for)
            self.end_pass(asked_for)
        self.after()

    def note(self, before):
        for threshold in self.thresholds:
            threshold.note(self.node, before)

    # --- what the scenario says

    def take_place(self, event):
        node = self.node
        if "pull" in event:
            self.pull(event["pull"]["id"])
        elif "start" in event:
            container = dict(event["start"])
            self.pull(node.meaning[container["image"]])
            if node.meaning[container["image"]] in node.there:
                node.remove_container(container["id"])
                node.containers[container["id"]] = container
        elif "stop" in event and event["stop"] in node.containers:
            node.containers[event["stop"]]["state"] = "exited"
        elif "remove" in event:
            node.remove_container(event["remove"])
        elif "write" in event:
            node.write(event["write"])
        elif "delete" in event:
            node.delete(event["delete"])
        elif "restartAgent" in event:
            self.restarted = node.now

    def pull(self, image):
        expected = self.node.pull(image)
        if not expected:
            return
        said = dict(next(self.pulls, {}))
        if usec(said.pop("at", -1)) != self.node.now or said != expected:
            self.wrong(f"a pull of {expected}, the answer has {said}")

    # --- what the answer says

    def take_level(self, level):
        key = (level["filesystem"], RESOURCES[level["resource"]], level["level"])
        if level["active"] == (key in self.begun):
            self.wrong(f"{key} {'begins' if level['active'] else 'ends'} once more")
        if not level["active"]:
            self.level_ends(key, self.begun.pop(key))
            return
        self.begun[key] = self.node.now
        if not any((one.role, one.resource, one.level) == key and one.may_want(self.node.now) and self.is_below(one)
                   for one in self.thresholds):
            self.wrong(f"{key} begins, and nothing is below it for long enough")

    def is_below(self, threshold):
        return threshold.available(self.node) < threshold.below

    def level_ends(self, key, begun):
        lasts = go_seconds(self.policy["evictionPressureTransitionPeriod"]) if key[2] != "gc" else 0
        if self.node.now - begun < lasts and self.restarted < begun:
            self.wrong(f"{key} ends after {(self.node.now - begun) / 1e6} s")

    def take_removal(self, removal, asked_for):
        image = removal["image"]
        if image not in self.node.there:
            self.wrong(f"{image} is removed, and is not there")
        self.may_be_removed(removal, asked_for)
        freed = self.node.drop(image)
        if freed != [removal["freedBytes"], removal["freedInodes"]]:
            self.wrong(f"{image} frees {freed}, not {removal}")
        self.note(self.node.now)

    def goals(self):
        """Of image collection, and of what eviction looks at on the same filesystem."""
        return [one for one in self.thresholds if one.device is self.node.images_on]

    def sums(self):
        summary, removals = self.answer["summary"], self.answer["actions"]
        high = [one for one in self.answer["levels"] if one["level"] == "gc"]
        expected = {"removed": len(removals), "freedBytes": sum(one["freedBytes"] for one in removals),
                    "repulledBytes": sum(one["bytes"] for one in self.answer["pulls"] if one["again"]),
                    "secondsAboveHigh": union(high, self.end) / 1e6}
        for key, value in expected.items():
            if abs(summary[key] - value) > 1e-5:
                self.wrong(f"{key} is {summary[key]}, not {value}")


def by_time(entries):
    result = {}
    for one in entries:
        result.setdefault(usec(one["at"]), []).append(one)
    return result


def union(levels, end):
    """For how long any of them was active."""
    total, active, since = 0, 0, 0
    for one in levels:
        if active == 0:
            since = usec(one["at"])
        active += 1 if one["active"] else -1
        if active == 0:
            total += usec(one["at"]) - since
    return total + (end - since if active else 0)


class AgentCheck(Check):
    """By the rules of the agent."""

    def __init__(self, document, answer):
        super().__init__(document, answer)
        self.neglected = {}

    def protection(self, image):
        """Why it must stay, but for its use."""
        node, known = self.node, self.node.known[image]
        names = [*known.get("names", ()), *known.get("digests", ())]
        if known.get("pinned"):
            return "is pinned"
        if image in node.sandboxes:
            return "is the sandbox image"
        if any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in self.policy["keep"]):
            return "is kept by a rule"
        if self.policy["keep-unrecoverable"] == "yes" and not known.get("digests"):
            return "could not be pulled again"
        if node.now - node.there[image] < self.minimum_age:
            return "is too young"
        return None

    def repository(self, image):
        names = self.node.known[image].get("names") or [image]
        return names[0].rpartition(":")[0]

    def candidates(self):
        """Those that may be removed for sure, whenever the agent has listed images last."""
        in_use = self.node.in_use()
        return [image for image, came in self.node.there.items()
                if image not in in_use and not self.protection(image) and self.node.now - came >= self.minimum_age + LOOK
                and self.policy["keep-newest-per-repository"] == 0]

    def may_be_removed(self, removal, asked_for):
        image, node = removal["image"], self.node
        if image in node.in_use():
            self.wrong(f"{image} is removed, and in use")
        if self.protection(image):
            self.wrong(f"{image} is removed, and {self.protection(image)}")
        siblings = [one for one in node.there if self.repository(one) == self.repository(image)]
        if len(siblings) <= self.policy["keep-newest-per-repository"]:
            self.wrong(f"{image} is removed, and is one of the newest of its repository")
        if removal["reason"] == "age":
            needed = max(node.there[image], node.last_use_ended.get(image, node.there[image]))
            if self.maximum_age == 0 or node.now - needed <= self.maximum_age:
                self.wrong(f"{image} is removed for its age, and was needed {(node.now - needed) / 1e6} s ago")
        elif not any(one.available(node) < one.target for one in self.wanted):
            self.wrong(f"{image} is removed, and there is enough space")

    def begin_pass(self, asked_for):
        node = self.node
        self.wanted = [one for one in self.goals()
                       if (one.may_want(node.now) if one.level != "gc" else asked_for or one.is_below(node))]
        self.sure = self.candidates()
        gain = node.gain(self.sure)
        # a pass of its own accord comes right after the disk was looked at
        self.owed = [one for one in self.goals()
                     if (one.surely_wants(node) if one.level == "soft" or asked_for else one.is_below(node))
                     and one.available(node) + gain[one.resource] >= one.below]

    def end_pass(self, asked_for):
        node, policy = self.node, self.policy
        removals = [one for one in self.removals[node.now] if one["reason"] != "age"]
        if policy["max-removals-per-pass"] or not removals:
            return
        if policy["when-futile"] == "stop" and not asked_for and not any(one.available(node) >= one.below for one in self.wanted):
            self.wrong("images were removed, and nothing is better by it")
        left = [image for image in self.sure if image in node.there]
        for one in self.owed:
            if one.available(node) < one.target and any(node.gain([image])[one.resource] for image in left):
                self.wrong(f"the pass leaves {left[:3]}, and {one.role} {one.level} is not at its target")

    def after(self):
        """Pressure that can be relieved is not left alone."""
        node = self.node
        wanting = [one for one in self.goals() if one.surely_wants(node)]
        gain = node.gain(self.candidates()) if wanting else None
        still = [one for one in wanting if one.available(node) + gain[one.resource] >= one.below and gain[one.resource]]
        # one removal after the other, where a pass may not do more
        busy = node.now in self.removals
        self.neglected = {one: node.now if busy else self.neglected.get(one, node.now) for one in still}
        for one, since in self.neglected.items():
            if node.now - since > PATIENCE:
                self.wrong(f"{one.role} {one.level} is left alone since {since / 1e6}")


class KubeletCheck(Check):
    """By the rules of the kubelet, as far as they can be told from outside."""

    def may_be_removed(self, removal, asked_for):
        image, node = removal["image"], self.node
        # eviction deletes exited containers, which the answer does not tell
        evicts = any(one.level != "gc" for one in self.thresholds)
        if image in node.in_use(without=("exited",) if evicts else ()):
            self.wrong(f"{image} is removed, and in use")
        if node.known[image].get("pinned"):
            self.wrong(f"{image} is removed, and pinned")
        if removal["reason"] == "age":
            # when an image was used is known to the kubelet only where it looked in time, and not after a restart
            if self.maximum_age == 0:
                self.wrong(f"{image} is removed for its age")
            return
        if node.now - node.there[image] < self.minimum_age:
            self.wrong(f"{image} is removed, and too young")
        if not self.wanted:
            self.wrong(f"{image} is removed, and there is enough space")

    def begin_pass(self, asked_for):
        # percentages are the kubelet's, in single precision
        self.wanted = [one for one in self.thresholds if (one.level != "gc" and one.since) or
                       one.available(self.node) < one.target * (1 + 1e-6) and one.level != "gc" or
                       (one.level, one.resource) == ("gc", BYTES) and self.is_below(one)]

    def end_pass(self, asked_for):
        pass

    def after(self):
        pass

    def is_below(self, threshold):
        return threshold.available(self.node) < threshold.below * (1 + 1e-6)


CHECKS = {"agent": AgentCheck, "kubelet": KubeletCheck}
