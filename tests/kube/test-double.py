#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: the double answers as the real API server did. Each recorded request goes through it, in the recorded order, and
its answer is compared field by field; values that every server makes anew have to correspond one to one."""

import http.client
import json
import os
import re
import ssl
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import certificates
import double
import schema

# Made anew by each server. Each recorded one has its counterpart, the same wherever it comes again.
MADE = re.compile(r"(.*\.)?(uid|resourceVersion|creationTimestamp|managedFields\[\d+\]\.time)")
RANDOM_NAME = re.compile(r"node-a\.[bcdfghjklmnpqrstvwxz2456789]{5}\b")


class Correspondence:
    def __init__(self):
        self.ours = {}

    def check(self, kind, recorded, got):
        key = (kind.rpartition(".")[2], recorded)
        if kind.endswith(("creationTimestamp", "time")):
            if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", got):
                raise AssertionError(f"{kind}: {got!r} is no time")
        elif self.ours.setdefault(key, got) != got:
            raise AssertionError(f"{kind}: {got!r} stands for {recorded!r}, before it was {self.ours[key]!r}")
        if list(self.ours.values()).count(got) > 1 and not kind.endswith(("creationTimestamp", "time")):
            raise AssertionError(f"{kind}: {got!r} was given away twice")


def compare(path, recorded, got, made):
    if type(recorded) is not type(got):
        raise AssertionError(f"{path}: {got!r} instead of {recorded!r}")
    if isinstance(recorded, dict):
        if recorded.keys() != got.keys():
            raise AssertionError(f"{path}: fields {sorted(got)} instead of {sorted(recorded)}")
        for key, value in recorded.items():
            compare(f"{path}.{key}" if path else key, value, got[key], made)
    elif isinstance(recorded, list):
        if len(recorded) != len(got):
            raise AssertionError(f"{path}: {len(got)} entries instead of {len(recorded)}")
        for number, value in enumerate(recorded):
            compare(f"{path}[{number}]", value, got[number], made)
    elif path.startswith("metadata.") and MADE.fullmatch(path):
        made.check(path, recorded, got)
    elif recorded != got and not (isinstance(got, str) and RANDOM_NAME.sub("*", recorded) == RANDOM_NAME.sub("*", got)):
        raise AssertionError(f"{path}: {got!r} instead of {recorded!r}")


def send(connection, request):
    headers = {"User-Agent": "Python-urllib/3.11", "Accept": "application/json"}
    if request["contentType"]:
        headers["Content-Type"] = request["contentType"]
    token = {"valid": "admintoken", "invalid": "wrongtoken"}.get(request["auth"])
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = request["body"]
    text = None if body is None else body if isinstance(body, str) else json.dumps(body)
    connection.request(request["method"], request["path"], text, headers)
    answer = connection.getresponse()
    return answer, answer.read().decode()


def check(connection, case, made):
    request, recorded = case["request"], case["response"]
    if case["case"] == "huge body":
        # The record keeps its beginning only.
        request = dict(request, body=request["body"] + "x" * 3145728)
    answer, text = send(connection, request)
    if answer.status != recorded["status"]:
        raise AssertionError(f"status {answer.status} instead of {recorded['status']}: {text}")
    if answer.getheader("Content-Type") != recorded["contentType"]:
        raise AssertionError(f"type {answer.getheader('Content-Type')} instead of {recorded['contentType']}")
    for name, value in recorded["headers"].items():
        if answer.getheader(name) != value:
            raise AssertionError(f"{name}: {answer.getheader(name)} instead of {value}")
    if not recorded["headers"].get("Warning") and answer.getheader("Warning"):
        raise AssertionError(f"warns: {answer.getheader('Warning')}")
    got = text if isinstance(recorded["body"], str) else json.loads(text)
    compare("", recorded["body"], got, made)


def main():
    why = certificates.missing()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    cases, failed = schema.load("transcripts.json")["transcripts"], 0
    with tempfile.TemporaryDirectory(prefix="dpa-kube-") as folder:
        authority = certificates.Authority(folder)
        with double.Server(authority.server()) as api:
            # Requests name the node by the uid that it had.
            node = api.store.add_node("node-a")
            node["metadata"]["uid"] = cases[0]["response"]["body"]["metadata"]["uid"]
            context = ssl.create_default_context(cafile=authority.certificate)
            connection = http.client.HTTPSConnection("127.0.0.1", api.port, context=context, timeout=20)
            made = Correspondence()
            print(f"1..{len(cases)}", flush=True)
            for number, case in enumerate(cases, 1):
                try:
                    check(connection, case, made)
                    print(f"ok {number} - {case['case']}")
                except AssertionError as problem:
                    failed += 1
                    print(f"# {problem}\nnot ok {number} - {case['case']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
