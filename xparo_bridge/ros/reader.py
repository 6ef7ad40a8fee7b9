# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read the selected fields from a serialized message, as fast as Python can.

For each type and set of paths a function is compiled that takes the values straight out of the
bytes (`cdr`). What it does not know, a wstring or another encoding, is deserialized by rclpy and
read from the message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from rclpy.serialization import deserialize_message

from .cdr import Generator, Read, Selection, UnsupportedType
from .fields import check_path
from .paths import Field, Path
from .values import age, apply, evaluate, FUNCTIONS, plain, walk

# rclpy makes an object of each member: some 100 kB in 50 ms, in which no other callback runs.
_MOST_BYTES = 100_000

# Takes the bytes of a message and a clock in Unix seconds, which `age` asks; gives named values.
# Bytes that are no such message raise ValueError or struct.error.
Reader = Callable[[bytes, Callable[[], float]], dict[str, Any]]


def make_reader(cls: type, fields: Mapping[str, Path]) -> Reader:
    """
    Function that reads the paths of a message class under the names they have here.

    PathError where a path does not fit the class.
    """
    return _make_reader(cls, tuple((name, check_path(path, cls)) for name, path in fields.items()))


@lru_cache(maxsize=256)
def _make_reader(cls: type, fields: tuple[tuple[str, Path], ...]) -> Reader:
    big: Reader | None = None

    def deserialized(data: bytes, now: Callable[[], float]) -> dict[str, Any]:
        if len(data) > _MOST_BYTES:
            raise ValueError(f'its encoding is read slowly, and it has {len(data)} bytes')
        whole = plain(deserialize_message(data, cls))
        return {name: evaluate(path, whole, now) for name, path in fields}

    def other(data: bytes, now: Callable[[], float]) -> dict[str, Any]:
        nonlocal big
        if data[:2] != b'\0\0':
            return deserialized(data, now)
        if big is None:
            big = _compile(cls, fields, '>', 0, deserialized)
        return big(data, now)

    try:
        return _compile(cls, fields, '<', 1, other)
    except UnsupportedType:
        return deserialized


def _compile(
    cls: type, fields: tuple[tuple[str, Path], ...], order: str, header: int, other: Reader
) -> Reader:
    selection = Selection()
    for _, path in fields:
        selection.add(path)
    generator = Generator(order)
    names = generator.names
    names['other'] = other
    read = generator.message(cls, selection)
    values = ', '.join(f'{name!r}: {_expression(path, read, names)}' for name, path in fields)
    source = '\n'.join(
        (
            'def read(b, now):',
            f'    if b[1] != {header} or b[0]: return other(b, now)',
            *generator.lines,
            f'    return {{{values}}}',
        )
    )
    # Compiled, Odometry to JSON takes 5 µs; read by rclpy's objects it takes 110. The names in the
    # source are those of installed types, and nothing in it comes from a message or a peer.
    exec(compile(source, f'<reader of {cls.__name__}>', 'exec'), names)
    reader: Reader = names['read']
    return reader


def _expression(path: Path, read: Read, names: dict[str, Any]) -> str:
    steps = path.steps
    while steps and isinstance(steps[0], Field) and steps[0].name in read.members:
        read, steps = read.members[steps[0].name], steps[1:]
    if path.function == 'count' and not steps:
        return read.length
    value = read.whole
    if steps:
        names.setdefault('walk', walk)
        constant = f'steps{len(names)}'
        names[constant] = steps
        value = f'walk({value}, {constant})'
    if path.selects and path.function:
        names['apply'] = apply
        return f'apply({path.function!r}, {value}, now)'
    if path.function == 'age':
        names['age'] = age
        return f'age({value}, now)'
    if path.function:
        names[path.function] = FUNCTIONS[path.function]
        return f'{path.function}({value})'
    return value
