#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The runtime layer against peers that stop, lie, flood and close wherever one can. Prints TAP."""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

try:
    import cri_double as double
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)
from cri_check import DEADLINE, equal, fails, main, run, test
from cri_double import Raw, frame, message

VERSION_ANSWER = message((1, "0.1.0"), (2, "fake"), (3, "1.2"))


# Peers that stop anywhere

def hangs(path, script=None, greet=None):
    with Raw(path, script, greet) as peer:
        took = fails(path, "ETIMEDOUT", r"^Version: no answer from .* within 400ms$")
        if took < DEADLINE * 0.9:
            raise AssertionError(f"gave up after {took:.2f} s")
        equal(peer.problems, [], "the double's own problems")


def silence(connection):
    while connection.recv(65536):
        pass


def drip(stream):
    stream.headers(double.GRPC)
    while True:
        stream.data(b"\0")
        time.sleep(0.02)


@test
def hangs_before_accepting(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(4)
        fails(path, "ETIMEDOUT", "^Version: no answer")


@test
def hangs_at_once(path):
    hangs(path, greet=silence)


@test
def hangs_before_headers(path):
    hangs(path, lambda stream: stream.hang())


@test
def hangs_after_headers(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.hang()))


@test
def hangs_in_the_frame(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.data(b"\0\0\0"), stream.hang()))


@test
def hangs_in_the_message(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.data(frame(b"x" * 100)[:50]), stream.hang()))


@test
def hangs_before_trailers(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.data(frame(VERSION_ANSWER)), stream.hang()))


@test
def hangs_in_an_http2_frame(path):
    hangs(path, lambda stream: (stream.raw(b"\0\1\0\1\4\0\0"), stream.hang()))


@test
def drips_for_ever(path):
    hangs(path, drip)


@test
def pings_for_ever(path):
    def script(stream):
        while True:
            stream.h2(double.PING, 0, b"12345678", stream=0)
            time.sleep(0.01)
    hangs(path, script)


# Peers that talk nonsense

# libcurl does not always know a connection that ended from one that makes no sense.
BROKEN = ("EBADMSG", "ECONNRESET")
BROKEN_TEXT = "(/.* does not speak HTTP/2 as expected|the connection to .* broke)"


def nonsense(path, errnos, pattern, script=None, greet=None):
    with Raw(path, script, greet) as peer:
        fails(path, errnos, pattern, deadline=5)
        equal(peer.problems, [], "the double's own problems")


def speaks(data):
    def greet(connection):
        connection.recv(24)
        connection.sendall(data)
        silence(connection)
    return greet


@test
def garbage_instead_of_http2(path):
    for data in (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"\xff" * 1000, b"SSH-2.0-OpenSSH\r\n",
                 b"\0" * 64):
        nonsense(path, BROKEN, f"^Version: {BROKEN_TEXT}", greet=speaks(data))


@test
def closes_at_once(path):
    def greet(connection):
        connection.recv(24)
        connection.close()
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke", greet=greet)


@test
def closes_after_headers(path):
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke",
             lambda stream: (stream.headers(double.GRPC), stream.close()))


@test
def closes_in_the_message(path):
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke",
             lambda stream: (stream.headers(double.GRPC), stream.data(frame(b"x" * 100)[:50]), stream.close()))


@test
def closes_before_trailers(path):
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke",
             lambda stream: (stream.headers(double.GRPC), stream.data(frame(VERSION_ANSWER)), stream.close()))


@test
def closes_in_an_http2_frame(path):
    nonsense(path, BROKEN, f"^Version: {BROKEN_TEXT}",
             lambda stream: (stream.raw(b"\0\1\0\1\4\0\0"), stream.close()))


@test
def resets_the_stream(path):
    for code in (0, 1, 2, 7, 8):
        nonsense(path, BROKEN, "^Version: ", lambda stream, code=code: (
            stream.h2(double.RST_STREAM, 0, bytes([0, 0, 0, code])), stream.hang()))


@test
def says_go_away(path):
    nonsense(path, BROKEN, "^Version: ", lambda stream: (
        stream.h2(double.GOAWAY, 0, bytes(4) + b"\0\0\0\2", stream=0), stream.close()))


@test
def refuses_and_resets(path):
    refusal = dict(double.GRPC, **{"grpc-status": "7", "grpc-message": "go away"})
    # As a server does that need not read the rest of the request.
    nonsense(path, "EPERM", r"^Version: go away \(PERMISSION_DENIED\)$", lambda stream: (
        stream.headers(refusal, end=True), stream.h2(double.RST_STREAM, 0, bytes(4)), stream.hang()))
    nonsense(path, "EPERM", r"^Version: go away \(PERMISSION_DENIED\)$", lambda stream: (
        stream.headers(refusal), time.sleep(0.1), stream.h2(double.RST_STREAM, 0, b"\0\0\0\2"), stream.hang()))


@test
def framing_lies(path):
    table = [(b"", "too few"), (b"\0\0\0", "too few"), (frame(VERSION_ANSWER)[:-1], "announces .* bytes and has"),
             (frame(VERSION_ANSWER) + b"x", "announces .* bytes and has"),
             (frame(VERSION_ANSWER) * 2, "announces .* bytes and has"),
             (frame(VERSION_ANSWER, 1), "compressed"), (frame(VERSION_ANSWER, 7), "not framed")]
    for body, pattern in table:
        nonsense(path, "EBADMSG", f"^Version: .*{pattern}", lambda stream, body=body: stream.answer(body))
    nonsense(path, "E2BIG", "^Version: .*announces 4294967295",
             lambda stream: stream.answer(b"\0\xff\xff\xff\xff" + VERSION_ANSWER))


@test
def wrong_content_type(path):
    for kind in ("text/html", "application/grpc-web", "application/json", ""):
        nonsense(path, "EBADMSG", f'^Version: the answer is of type "{kind}" instead of application/grpc$',
                 lambda stream, kind=kind: (stream.headers({":status": "200", "content-type": kind}),
                                            stream.data(frame(VERSION_ANSWER)), stream.headers(double.OK, end=True)))
    for kind in ("application/grpc+proto", "application/grpc;charset=utf-8", "Application/GRPC"):
        with Raw(path, lambda stream, kind=kind: (
                stream.headers({":status": "200", "content-type": kind}), stream.data(frame(VERSION_ANSWER)),
                stream.headers(double.OK, end=True))):
            equal(run(path, "probe", deadline=5)[0].get("version"), "fake 1.2", kind)


@test
def http_errors(path):
    for status, errno in (("404", "EOPNOTSUPP"), ("503", "ECONNREFUSED"), ("401", "EPERM"), ("500", "EPROTO"),
                          ("204", "EPROTO"), ("301", "EPROTO")):
        nonsense(path, errno, f"^Version: HTTP status {status} instead of a gRPC answer",
                 lambda stream, status=status: stream.headers({":status": status, "location": "http://x/"}, end=True))


@test
def trailers_only(path):
    refusal = dict(double.GRPC, **{"grpc-status": "12", "grpc-message": "unknown%20service%0aX%zz%00%1b%c3%a4%ff"})
    nonsense(path, "EOPNOTSUPP", r"^Version: unknown service X%zz  ä\? \(UNIMPLEMENTED\)$",
             lambda stream: stream.headers(refusal, end=True))
    nonsense(path, "EIO", r"^Version: the runtime gives no reason \(status 99\)$",
             lambda stream: stream.headers(dict(double.GRPC, **{"grpc-status": "99"}), end=True))
    nonsense(path, "EBADMSG", "^Version: .*too few",
             lambda stream: stream.headers(dict(double.GRPC, **double.OK), end=True))


@test
def no_usable_grpc_status(path):
    nonsense(path, "EBADMSG", "^Version: the answer ends without a grpc-status", lambda stream: (
        stream.headers(double.GRPC), stream.data(frame(VERSION_ANSWER), end=True)))
    nonsense(path, "EBADMSG", "^Version: the answer ends without a grpc-status",
             lambda stream: stream.answer(frame(VERSION_ANSWER), {"x": "y"}))
    nonsense(path, "EBADMSG", "^Version: the answer ends without a grpc-status",
             lambda stream: stream.headers(double.GRPC, end=True))
    # A status ahead of the body does not say that the body is complete.
    nonsense(path, "EBADMSG", "^Version: the answer ends without a grpc-status", lambda stream: (
        stream.headers(dict(double.GRPC, **double.OK)), stream.data(frame(VERSION_ANSWER), end=True)))
    for status in ("", "ok", "-1", "0x0", "99999999999999999999", "0 0"):
        nonsense(path, "EBADMSG", "^Version: the answer's grpc-status is not a number",
                 lambda stream, status=status: stream.answer(frame(VERSION_ANSWER), {"grpc-status": status}))


@test
def answers_without_end(path):
    def body(stream):
        stream.headers(double.GRPC)
        while True:
            stream.data(b"x" * 16384)
    nonsense(path, "E2BIG", "^Version: the answer is larger than 16777221 bytes", body)


@test
def headers_without_end(path):
    def headers(stream):
        while True:
            stream.headers({":status": "103", "x-filler": "y" * 8000})

    def continuation(stream):
        stream.h2(double.HEADERS, 0, double.hpack(double.GRPC))
        while True:
            stream.h2(double.CONTINUATION, 0, double.hpack({"x": "y" * 8000}))

    def trailers(stream):
        stream.headers(double.GRPC)
        stream.data(frame(VERSION_ANSWER))
        stream.h2(double.HEADERS, double.END_STREAM, double.hpack({"x": "y" * 8000}))
        while True:
            stream.h2(double.CONTINUATION, 0, double.hpack({"x": "y" * 8000}))
    for script in (headers, continuation, trailers):
        nonsense(path, BROKEN + ("E2BIG",), "^Version: ", script)

    # Slowly enough that libcurl's own buffers do not overflow first.
    def slowly(stream):
        while True:
            stream.headers({":status": "103", "x-filler": "y" * 2000})
            time.sleep(0.001)
    nonsense(path, "E2BIG", "^Version: the answer is larger than .*, or its headers than 65536", slowly)


@test
def huge_message_text(path):
    refusal = dict(double.GRPC, **{"grpc-status": "2", "grpc-message": "%41" * 4000})
    nonsense(path, "EIO", r"^Version: A{100,400} \(UNKNOWN\)$", lambda stream: stream.headers(refusal, end=True))


# Connections

def version(stream):
    stream.answer(frame(VERSION_ANSWER))


@test
def a_connection_is_kept(path):
    with Raw(path, version) as peer:
        run(path, *["probe"] * 20, deadline=5)
        equal((peer.requests, peer.connections), (21, 1), "requests, connections")


@test
def a_connection_closed_meanwhile(path):
    with Raw(path, lambda stream: (version(stream), time.sleep(0.05), stream.close())) as peer:
        got = run(path, "sleep:500", "probe", "sleep:500", "probe", deadline=5)
        equal([one.get("error") for one in got], [None, None], "probes")
        equal((peer.requests, peer.connections), (3, 3), "requests, connections")


@test
def a_connection_that_dies_at_the_next_request(path):
    def script(stream):
        if stream.first:
            version(stream)
        else:
            stream.close()
    with Raw(path, script) as peer:
        got = run(path, "probe", "probe", deadline=5)
        equal([one.get("error") for one in got], [None, None], "probes")
        equal(peer.connections >= 3, True, f"{peer.connections} connections")


@test
def a_connection_told_to_go_away(path):
    def script(stream):
        version(stream)
        time.sleep(0.05)
        stream.h2(double.GOAWAY, 0, stream.id.to_bytes(4, "big") + bytes(4), stream=0)
    with Raw(path, script):
        got = run(path, "sleep:500", "probe", "sleep:500", "probe", deadline=5)
        equal([one.get("error") for one in got], [None, None], "probes")


@test
def a_kept_connection_that_hangs(path):
    def script(stream):
        if stream.number == 0:
            version(stream)
        else:
            stream.hang()
    with Raw(path, script) as peer:
        fails(path, "ETIMEDOUT", "^Version: no answer")
        equal(peer.requests, 2, "a request that may be under way is not repeated")


@test
def a_proxy_in_the_environment_is_not_asked(path):
    os.environ["http_proxy"] = os.environ["all_proxy"] = "http://127.0.0.1:9/"
    try:
        with Raw(path, version):
            equal(run(path, "probe", deadline=5)[0].get("version"), "fake 1.2", "version")
    finally:
        del os.environ["http_proxy"], os.environ["all_proxy"]


if __name__ == "__main__":
    sys.exit(main())
