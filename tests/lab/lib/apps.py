# SPDX-License-Identifier: Apache-2.0
"""The images most tests use: app1, app2, … of 31 MB on disk, which is 13 % of the ordinary 256 MiB ext4.

Measured there: containerd and the reserved blocks are 9 %, so 3 images make 49 %, 4 make 62 % and 5 make 75 %.
"""

from . import images
from .loopfs import MB

# Of random bytes and of zeros. containerd keeps the blob beside the unpacked layer, Docker and Podman do not.
SIZES = {"containerd": 10 * MB, "docker": 15_300_000, "podman": 15_300_000}
_size = SIZES["containerd"]


def for_runtime(name):
    """The images take as much on the disk in each of them."""
    global _size
    _size = SIZES[name]


def name(number):
    return f"lab.test/app{number}:1"


def names(*numbers):
    return [name(number) for number in numbers]


def app(number, **more):
    return images.simple(name(number), **dict({"random": _size, "zeros": _size}, **more))


def load(node, count, first=1, **more):
    node.load(*(app(number, **more) for number in range(first, first + count)))
