# SPDX-License-Identifier: Apache-2.0
"""Just enough of the protobuf wire format for CRI: no generated code, no protoc.

A message is written as a list of (field number, value) pairs and read as a dictionary from field number to
the list of its raw values. Zero values are left out, as proto3 does.
"""


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(fields):
    """fields: (number, value) pairs; a value is int, bool, str, bytes, a nested list of pairs, or None."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            if value:
                out += varint(number << 3) + varint(int(value))
            continue
        if value is None or value == "" or value == b"":
            continue
        if isinstance(value, str):
            value = value.encode()
        elif isinstance(value, list):
            value = encode(value)
        out += varint(number << 3 | 2) + varint(len(value)) + value
    return bytes(out)


def mapping(number, values):
    """A map<string,string> field as pairs for encode()."""
    return [(number, [(1, key), (2, value)]) for key, value in (values or {}).items()]


def _read_varint(data, at):
    shift = number = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7f) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def decode(data):
    """Raw values: int for a varint or a fixed number, bytes for everything with a length."""
    fields, at = {}, 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(data, at)
        else:
            if kind == 2:
                size, at = _read_varint(data, at)
            else:
                size = {1: 8, 5: 4}[kind]
            value = data[at:at + size]
            at += size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def text(fields, number):
    return fields.get(number, [b""])[-1].decode()


def texts(fields, number):
    return [value.decode() for value in fields.get(number, [])]


def number(fields, which):
    return fields.get(which, [0])[-1]


def message(fields, which):
    return decode(fields.get(which, [b""])[-1])


def messages(fields, which):
    return [decode(value) for value in fields.get(which, [])]


def string_map(fields, which):
    return {text(entry, 1): text(entry, 2) for entry in messages(fields, which)}
