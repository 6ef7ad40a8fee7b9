# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A plain CDR encoder in either byte order, and random messages to encode.

The middleware writes only the machine's own byte order; this writes both, and is itself checked
against the middleware.
"""

import math
import struct

from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractString,
    AbstractWString,
    Array,
    BasicType,
)

from xparo_bridge.ros.fields import class_of, members

FORMATS = {
    'boolean': '?',
    'octet': 'B',
    'uint8': 'B',
    'int8': 'b',
    'int16': 'h',
    'uint16': 'H',
    'int32': 'i',
    'uint32': 'I',
    'int64': 'q',
    'uint64': 'Q',
    'float': 'f',
    'double': 'd',
}


def encode(message, order: str) -> bytes:
    """Message in CDR; `order` is `<` or `>`."""
    body = bytearray()
    _write_message(body, message, order)
    return (b'\0\1\0\0' if order == '<' else b'\0\0\0\0') + bytes(body)


def _write_message(body, message, order):
    if not members(type(message)):
        body.append(0)
    for name, kind in members(type(message)).items():
        _write(body, getattr(message, name), kind, order)


def _write(body, value, kind, order):
    if isinstance(kind, BasicType):
        form = FORMATS[kind.typename]
        body.extend(bytes(-len(body) % struct.calcsize('=' + form)))
        body.extend(struct.pack(order + form, value[0] if kind.typename == 'octet' else value))
    elif isinstance(kind, AbstractString):
        text = value.encode() + b'\0'
        _write(body, len(text), BasicType('uint32'), order)
        body.extend(text)
    elif isinstance(kind, AbstractNestedType):
        if not isinstance(kind, Array):
            _write(body, len(value), BasicType('uint32'), order)
        for item in value:
            _write(body, item, kind.value_type, order)
    else:
        _write_message(body, value, order)


def random_message(cls, random):
    """Random message of a class, with the values that break things among them."""
    return cls(**{name: _value(kind, random) for name, kind in members(cls).items()})


def _value(kind, random):
    if isinstance(kind, BasicType):
        return _primitive(kind.typename, random)
    if isinstance(kind, (AbstractString, AbstractWString)):
        letters = 'aZ0 "\\\n\u00e4\u4e2d\ufffd' + '\U0001f916' * isinstance(kind, AbstractString)
        return ''.join(random.choices(letters, k=_length(kind, random)))
    if isinstance(kind, Array):
        return [_value(kind.value_type, random) for _ in range(kind.size)]
    if isinstance(kind, AbstractNestedType):
        return [_value(kind.value_type, random) for _ in range(_length(kind, random))]
    return random_message(class_of(kind), random)


def _length(kind, random):
    most = kind.maximum_size if kind.has_maximum_size() else 9
    return min(most, random.choice((0, 1, 2, 3, 5, 9)))


def _primitive(name, random):
    if name == 'boolean':
        return random.random() < 0.5
    if name == 'octet':
        return random.randbytes(1)
    form = FORMATS[name]
    if form in 'fd':
        value = random.choice(
            (0.0, -0.0, 1.5, 1e-40, math.nan, math.inf, -math.inf, random.gauss(0, 100))
        )
        return struct.unpack(form, struct.pack(form, value))[0]
    bits = 8 * struct.calcsize('=' + form)
    least = -(2 ** (bits - 1)) if form.islower() else 0
    most = least + 2**bits - 1
    return random.choice((least, most, 0, 1, random.randint(least, most)))
