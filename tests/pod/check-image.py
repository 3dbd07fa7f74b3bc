#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: packaging/oci/build.sh makes a whole image out of the program: right digests, every library, nothing odd."""

import glob
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
import traceback

TOP = os.environ.get("TOP_SRCDIR", ".")
PROGRAM = os.path.abspath(os.environ.get("DPA_BIN", "./disk-pressure-agent"))
BUILD = os.path.join(TOP, "packaging/oci/build.sh")
VERSION = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, timeout=20, check=True).stdout.split()[-1]
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"


def require(condition, *what):
    if not condition:
        raise AssertionError("\n".join(str(one) for one in what))


def equal(got, want, what):
    require(got == want, what, f"got  {got!r}", f"want {want!r}")


def build(output, *more):
    done = subprocess.run([BUILD, "--program", PROGRAM, "--output", output, *more], capture_output=True, text=True,
                          timeout=120)
    require(done.returncode == 0, "build.sh failed", done.stdout, done.stderr)
    return output


class Image:
    def __init__(self, path):
        with tarfile.open(path) as archive:
            self.files = {one.name.removeprefix("./"): archive.extractfile(one).read() for one in archive if one.isfile()}
        self.index = json.loads(self.files["index.json"])
        equal(len(self.index["manifests"]), 1, "manifests")
        self.entry = self.index["manifests"][0]
        self.manifest = self.json(self.entry)
        self.config = self.json(self.manifest["config"])
        equal(len(self.manifest["layers"]), 1, "layers")
        self.layer = self.blob(self.manifest["layers"][0])

    def blob(self, descriptor):
        """What a descriptor points to, which has to be as it says."""
        kind, digest = descriptor["digest"].split(":")
        data = self.files[f"blobs/{kind}/{digest}"]
        equal((hashlib.sha256(data).hexdigest(), len(data)), (digest, descriptor["size"]), f"blob {descriptor}")
        return data

    def json(self, descriptor):
        return json.loads(self.blob(descriptor))

    def members(self):
        with tarfile.open(fileobj=io.BytesIO(self.layer), mode="r:gz") as layer:
            return layer.getmembers()


def test_layout(folder):
    image = Image(os.path.join(folder, "image.tar"))
    equal(json.loads(image.files["oci-layout"]), {"imageLayoutVersion": "1.0.0"}, "oci-layout")
    blobs = {image.entry["digest"], image.manifest["config"]["digest"], image.manifest["layers"][0]["digest"]}
    equal(set(image.files), {"oci-layout", "index.json"} | {f"blobs/{one.replace(':', '/')}" for one in blobs}, "files")
    for descriptor, kind in ((image.entry, "manifest.v1+json"), (image.manifest["config"], "config.v1+json"),
                             (image.manifest["layers"][0], "layer.v1.tar+gzip")):
        equal(descriptor["mediaType"], f"application/vnd.oci.image.{kind}", "media type")
    unpacked = subprocess.run(["gzip", "-dc"], input=image.layer, capture_output=True, check=True).stdout
    equal(image.config["rootfs"], {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(unpacked).hexdigest()]},
          "what the layer is unpacked")
    equal(image.entry["annotations"], {"io.containerd.image.name": f"docker.io/library/disk-pressure-agent:{VERSION}",
                                       "org.opencontainers.image.ref.name": VERSION}, "its names")


def test_config(folder):
    config = Image(os.path.join(folder, "image.tar")).config
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)
    equal(config["os"], "linux", "os")
    require(machine is None or config["architecture"] == machine, "architecture", config["architecture"])
    run = config["config"]
    labels = run.pop("Labels")
    equal(labels["org.opencontainers.image.version"], VERSION, "version")
    equal(run, {"User": "0:0", "ExposedPorts": {"9779/tcp": {}}, "Entrypoint": ["/usr/sbin/disk-pressure-agent"],
                "Cmd": ["run"], "WorkingDir": "/", "StopSignal": "SIGTERM"}, "how it is run")


def test_containerfile_is_the_same(folder):
    """The other way to build it says the same about how the image is run."""
    config = Image(os.path.join(folder, "image.tar")).config["config"]
    with open(os.path.join(TOP, "packaging/oci/Containerfile")) as file:
        text = file.read()
    last_stage = text.rpartition("\nFROM ")[2]
    said = dict(re.findall(r"^(USER|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD) (.*)$", last_stage, re.MULTILINE))
    equal(said, {"USER": config["User"], "EXPOSE": "".join(config["ExposedPorts"]), "STOPSIGNAL": config["StopSignal"],
                 "ENTRYPOINT": json.dumps(config["Entrypoint"]), "CMD": json.dumps(config["Cmd"])}, "Containerfile")
    require(last_stage.startswith("scratch\n"), "it begins from nothing", last_stage)
    # An image in OCI's format has no SHELL, for instance: podman goes on without it.
    used = set(re.findall(r"^([A-Z]+) ", text, re.MULTILINE))
    equal(used - {"ARG", "FROM", "COPY", "RUN", "LABEL", *said}, set(), "instructions")


def test_files(folder):
    """Nobody's but root's, nothing that raises privileges, and only what the program needs."""
    members = {one.name.removeprefix("./"): one for one in Image(os.path.join(folder, "image.tar")).members()}
    for name, one in members.items():
        equal((one.uid, one.gid), (0, 0), f"owner of {name}")
        require(one.isfile() or one.isdir() or one.issym(), f"kind of {name}")
        require(not one.mode & (stat.S_ISUID | stat.S_ISGID), f"mode of {name}")
        require(name == "tmp" or one.issym() or not one.mode & 0o022, f"{name} is for others to write")
    programs = [name for name, one in members.items() if one.isfile() and one.mode & 0o111 and "/lib" not in f"/{name}"]
    equal(programs, ["usr/sbin/disk-pressure-agent"], "programs")
    for name in (CERTIFICATES, "etc/disk-pressure-agent/agent.conf", "etc/passwd", "etc/nsswitch.conf"):
        require(name in members and members[name].size > 0, f"{name} is there")
    for name in ("proc", "sys", "dev", "tmp", "host", "var/lib/disk-pressure-agent", "run/disk-pressure-agent",
                 "etc/disk-pressure-agent/agent.conf.d"):
        require(name in members and members[name].isdir(), f"the folder {name} is there")
    require("usr/share/doc/disk-pressure-agent/copyright" in members, "licence")


def test_starts(folder):
    """With nothing but what is in there."""
    root = os.path.join(folder, "rootfs")
    subprocess.run([BUILD, "--program", PROGRAM, "--rootfs", root], check=True, capture_output=True, timeout=120)
    if os.geteuid() != 0:
        return "not root"
    if glob.glob(os.path.join(root, "usr/lib/**/libasan.so*"), recursive=True):
        return "a sanitizer wants /proc"
    for arguments, wanted in ((["version"], f"disk-pressure-agent {VERSION}"), (["config", "check"], "agent.conf: OK")):
        done = subprocess.run(["/usr/sbin/chroot", root, "/usr/sbin/disk-pressure-agent", "--config",
                               "/etc/disk-pressure-agent/agent.conf", *arguments],
                              capture_output=True, text=True, timeout=60, env={})
        require(done.returncode == 0 and wanted in done.stdout, arguments, done.stdout, done.stderr)
    return None


def test_same_bytes_again(folder):
    again = build(os.path.join(folder, "again.tar"))
    with open(again, "rb") as one, open(os.path.join(folder, "image.tar"), "rb") as other:
        equal(hashlib.sha256(one.read()).hexdigest(), hashlib.sha256(other.read()).hexdigest(), "digest of the archive")


def test_names(folder):
    named = build(os.path.join(folder, "named.tar"), "--name", "registry.example.com:5000/team/agent:v1")
    equal(Image(named).entry["annotations"], {"io.containerd.image.name": "registry.example.com:5000/team/agent:v1",
                                              "org.opencontainers.image.ref.name": "v1"}, "its names")
    for arguments, why in ((["--name", "registry.example.com:5000/agent"], "needs a tag"), (["--nonsense"], "unexpected"),
                           (["--output"], "needs a value"), (["--program", "/nonexistent"], "no program")):
        done = subprocess.run([BUILD, "--output", os.path.join(folder, "none.tar"), *arguments], capture_output=True,
                              text=True, timeout=60)
        require(done.returncode == 2 and why in done.stderr, arguments, done.returncode, done.stderr)
    require(not os.path.exists(os.path.join(folder, "none.tar")), "no archive after an error")


def main():
    if not any(os.path.exists(path) for path in ("/" + CERTIFICATES, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")):
        print("1..0 # SKIP no ca-certificates here")
        return
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    folder = tempfile.mkdtemp()
    print(f"1..{len(tests)}")
    try:
        build(os.path.join(folder, "image.tar"))
        for number, (name, test) in enumerate(tests, 1):
            title = f"{number} - {name.removeprefix('test_')}"
            try:
                skipped = test(folder)
                print(f"ok {title}" + (f" # SKIP {skipped}" if skipped else ""))
            except Exception as problem:
                print(f"not ok {title}")
                text = str(problem) if isinstance(problem, AssertionError) else traceback.format_exc()
                print("".join(f"# {line}\n" for line in text.splitlines() if line), end="")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
