# SPDX-License-Identifier: Apache-2.0
"""The laboratory's containerd for the packages' tests: outside of the tree, and bound into it at the same path."""

import importlib.util
import os
import tempfile

LAB = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab")


def start():
    """(a laboratory with one node, "") or (None, why not)."""
    spec = importlib.util.spec_from_file_location("lab_run", os.path.join(LAB, "run.py"))
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    # Its own program is not what is tested here.
    os.environ.setdefault("DPA_BIN", "/bin/true")
    why = runner.why_not()
    if why:
        return None, why
    from lib import lab
    # Not below /tmp, which a booting system empties.
    laboratory = lab.Lab(tempfile.mkdtemp(prefix="dpa-", dir="/var/tmp"))
    try:
        laboratory.node(size=256 << 20)
    except Exception:
        laboratory.close()
        raise
    return laboratory, ""


def overfill(laboratory, name):
    """Five images with which the filesystem is used beyond 60 %. Returns whether some of them are gone."""
    from lib import images
    node = laboratory.nodes[0]
    loaded = [images.simple(f"packages.test/{name}{number}:1", random=15 * images.MB, zeros=15 * images.MB)
              for number in range(5)]
    for image in loaded:
        node.load(image)
    return lambda: len(set(node.names()) & {image.name for image in loaded}) < len(loaded)


def open_way(laboratory):
    """A runtime's socket is in a directory that everybody may look through; the laboratory's is not."""
    folder = os.path.dirname(laboratory.nodes[0].containerd.socket)
    for path in (laboratory.folder, folder):
        os.chmod(path, 0o711)
