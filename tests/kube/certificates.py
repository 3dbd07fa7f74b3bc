# SPDX-License-Identifier: Apache-2.0
"""Certificates made on the spot with openssl(1), for servers and clients of the tests."""

import os
import shutil
import subprocess

SERVER_NAMES = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")


def missing():
    return "" if shutil.which("openssl") else "openssl is not installed"


class Authority:
    """A certificate authority in a folder; everything it makes is a file there."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        self.key, self.certificate = self._path(f"{name}.key"), self._path(f"{name}.crt")
        _key(self.key)
        _openssl("req", "-x509", "-new", "-key", self.key, "-subj", f"/CN=test {name}", "-days", "2",
                 "-addext", "keyUsage=critical,keyCertSign", "-out", self.certificate)

    def server(self, name="server", names=SERVER_NAMES, **validity):
        """(certificate, key): files."""
        return self._issue(name, "/CN=server", f"subjectAltName={','.join(names)}\nextendedKeyUsage=serverAuth", **validity)

    def client(self, user, group="", name="client", **validity):
        subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
        return self._issue(name, subject, "extendedKeyUsage=clientAuth", **validity)

    def _issue(self, name, subject, extensions, expired=False, future=False):
        key, request, certificate = (self._path(f"{name}.{end}") for end in ("key", "csr", "crt"))
        _key(key)
        _openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        with open(self._path(f"{name}.ext"), "w") as file:
            file.write(extensions + "\n")
        begin, end = ("21000101000000Z", "21010101000000Z") if future else ("20200101000000Z", "21010101000000Z")
        self._sign(request, certificate, file.name, begin, "20200102000000Z" if expired else end)
        return certificate, key

    def _sign(self, request, certificate, extensions, begin, end):
        """With `ca`, the one command of OpenSSL 3.0 that takes the beginning."""
        database, settings = self._path("index.txt"), self._path("ca.conf")
        with open(database, "w"), open(database + ".attr", "w") as attributes:
            attributes.write("unique_subject = no\n")
        with open(settings, "w") as file:
            file.write("[ca]\ndefault_ca = it\n[it]\ndatabase = " + database + "\nnew_certs_dir = " + self.folder +
                       "\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n"
                       "[any]\ncommonName = supplied\norganizationName = optional\n")
        _openssl("ca", "-batch", "-notext", "-config", settings, "-cert", self.certificate, "-keyfile", self.key,
                 "-in", request, "-out", certificate, "-extfile", extensions, "-startdate", begin, "-enddate", end)

    def _path(self, name):
        return os.path.join(self.folder, name)


def _key(path):
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")
