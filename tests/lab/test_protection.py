# SPDX-License-Identifier: Apache-2.0
"""What must stay stays, however full the disk is."""

from lib import apps, check, images, proxy, wire
from lib.agent import ids, kept_reasons, removed_names
from lib.containerd import PAUSE
from lib.loopfs import MIB

PROTECTED = {"lab.test/created:1": "in-use", "lab.test/running:1": "in-use", "lab.test/exited:1": "in-use",
             "lab.test/kept:1": "keep-rule", "lab.test/pinned:1": "pinned", "lab.test/built-here:1": "unrecoverable",
             "lab.test/young:1": "too-young", PAUSE.name: "sandbox"}


def test_in_use_stay(lab):
    """Everything that may not go, on a disk that cannot reach its target without it."""
    node = lab.node(size=512 * MIB)
    # containerd 1.6.20 has no notion of a pinned image; the proxy adds the field to its answers.
    door = lab.proxy(node, after=proxy.pin("lab.test/pinned:1"))
    for name in list(PROTECTED) + ["lab.test/free:1"]:
        if name not in (PAUSE.name, "lab.test/young:1"):
            node.load(images.simple(name, recoverable=name != "lab.test/built-here:1"))
    for state in ("created", "running", "exited"):
        node.containerd.container(f"lab.test/{state}:1", state)
    agent = lab.agent(node, endpoint=door.socket, minimum_age="3s", settings={
        "image-gc": {"keep": "lab.test/kept:*", "when-futile": "proceed"}}).acquaint(3.3)
    node.load(images.simple("lab.test/young:1"))
    node.fs.fill_to_percent(75)
    plan = agent.plan()
    reasons, expected = kept_reasons(plan), dict(PROTECTED)
    if not agent.remembers():
        del expected["lab.test/young:1"]    # without a history a new process cannot tell young from old
    check.equal({name: reasons.get(name) for name in expected}, expected, "reasons in the plan")
    done = agent.gc(expect=(1,))
    free = {"lab.test/free:1", "lab.test/young:1"} - set(expected)
    check.equal(set(removed_names(done)), free, "only the free image goes")
    check.is_in(done["result"], ("futile", "partial"), "result")
    check.equal(node.names(), sorted(set(expected) - {PAUSE.name}), "images left")
    check.true(node.cri.image(PAUSE.name), "the sandbox image is there")
    check.equal(ids(plan["removed"]), ids(done["removed"]), "gc did what plan said")


def test_unrecoverable_may_go(lab):
    """keep-unrecoverable = no: images without a registry digest are ordinary."""
    node = lab.node()
    apps.load(node, 5, recoverable=False)
    agent = lab.agent(node).acquaint()
    check.equal(agent.plan()["removed"], [], "by default they stay on CRI")
    agent.write_config({"image-gc": {"keep-unrecoverable": "no"}})
    check.equal(len(agent.gc()["removed"]), 3, "and go when told so")


def test_container_between_plan_and_removal(lab):
    """A container appears after the inventory, right before the last look ahead of the first removal."""
    node = lab.node()
    apps.load(node, 5)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket).acquaint()
    looks = looks_before_first_removal(agent, door, node)
    check.at_least(looks, 2, "containers are listed for the plan and again before a removal")
    apps.load(node, 1, first=6)
    agent.acquaint()
    victim = agent.plan()["removed"][0]
    intruder = Intruder(node, removed_names({"removed": [victim]})[0], at_look=looks)
    door.before = intruder
    done = agent.gc(expect=(0, 1))
    check.true(intruder.container, "the container was made")
    check.true(victim["id"] not in ids(done["removed"]), "the victim survives", done["removed"])
    check.true(node.cri.image(victim["id"]), "the victim's image is still there")
    kept = {one["id"]: one["reason"] for one in done["kept"]}
    check.is_in(kept.get(victim["id"]), ("changed", "in-use"), "why it stays")
    check.at_least(len(done["removed"]), 1, "the pass goes on with the others")
    node.cri.start_container(intruder.container)


def looks_before_first_removal(agent, door, node):
    """How often a pass lists the containers up to its first removal: a pass with one removal tells."""
    del door.calls[:]
    agent.gc("--to", str(node.fs.used_percent() - 1))
    methods = door.methods()
    check.equal(methods.count(proxy.REMOVE_IMAGE), 1, "removals of a pass that needs one")
    return methods[:methods.index(proxy.REMOVE_IMAGE)].count(proxy.LIST_CONTAINERS)


class Intruder:
    """A `before` hook: makes a container of the image ahead of the given listing of containers."""

    def __init__(self, node, image, at_look):
        self.node, self.image, self.left = node, image, at_look
        self.container = None

    def __call__(self, method, _request):
        if method != proxy.LIST_CONTAINERS:
            return
        self.left -= 1
        if self.left == 0:
            self.container, _ = self.node.containerd.container(self.image, "created")


def test_looks_before_every_removal(lab):
    """Between any two removals the containers are listed anew."""
    node = lab.node()
    apps.load(node, 5)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket).acquaint()
    del door.calls[:]
    done = agent.gc()
    methods = [one for one in door.methods() if one in (proxy.REMOVE_IMAGE, proxy.LIST_CONTAINERS)]
    removals = [at for at, one in enumerate(methods) if one == proxy.REMOVE_IMAGE]
    check.equal(len(removals), len(done["removed"]), "removals asked for")
    check.true(all(methods[at - 1] == proxy.LIST_CONTAINERS for at in removals), "a look before each", methods)


def test_failed_look_ends_pass(lab):
    """The containers cannot be listed any more: no removal without that knowledge."""
    node = lab.node()
    apps.load(node, 5)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket).acquaint()

    def fail_after_first_removal(method, _request):
        if method == proxy.LIST_CONTAINERS and proxy.REMOVE_IMAGE in door.methods():
            raise RuntimeError("no list today")
    del door.calls[:]
    door.before = fail_after_first_removal
    done = agent.verb("gc", "--json", expect=(1, 2))
    check.equal(len(node.names()), 4, "images left: one was removed, then the pass ended")
    check.equal(done.the_pass["result"], "error", "result")


def test_removal_that_frees_nothing(lab):
    """A removal that is answered with OK and does nothing is not counted as a gain, and does not go on for ever."""
    node = lab.node()
    apps.load(node, 5)
    door = lab.proxy(node)
    agent = lab.agent(node, endpoint=door.socket).acquaint()
    real = door._pass

    def pretend(method, request, context):
        if method == proxy.REMOVE_IMAGE:
            door.calls.append((0, method))
            yield wire.encode([])
        else:
            yield from real(method, request, context)
    door._pass = pretend
    done = agent.gc(expect=(1, 2))
    check.equal(len(node.names()), 5, "nothing was really removed")
    check.true(done["result"] != "reached", "the result does not claim success", done["result"])
    check.at_most(door.methods().count(proxy.REMOVE_IMAGE), 5, "at most one attempt for an image")
