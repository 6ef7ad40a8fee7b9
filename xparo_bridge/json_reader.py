# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads JSON from anywhere: the wire, REST, ROS strings, trees, state files.

What is read can be written again as JSON, fits ROS messages and SQLite, and costs time in
proportion to its length: it is bounded in bytes, in values and in levels, has no number outside
64 bits or beyond any number, no half surrogate pair, and no key twice in one object.
"""

from __future__ import annotations

from dataclasses import dataclass
import json
import math
import re
import threading
from typing import Any

from .json_faults import (
    clipped,
    encodable,
    find_faults,
    HALF_PAIR,
    json_type,
    JsonError,
    MAX_FAULTS,
    TooMany,
    TooManyValues,
    Unreadable,
    with_whole_texts,
)

__all__ = [
    'json_type',
    'JsonError',
    'LEAST',
    'MAX_BYTES',
    'MAX_DEPTH',
    'MAX_FAULTS',
    'MAX_ITEMS',
    'MAX_MENDED',
    'MOST',
    'OWN_BYTES',
    'OWN_DEPTH',
    'OWN_ITEMS',
    'read_json',
    'read_leniently',
    'read_object',
    'read_own',
    'read_own_object',
    'read_written',
    'TooMany',
    'TooManyValues',
    'Unreadable',
]

MAX_DEPTH = 64  # Levels; what goes deeper could not be written again.
MAX_ITEMS = 32 * 1024  # Values of one text: to read and check them takes 20 ms at most.
MAX_BYTES = 16 * 1024 * 1024
MAX_MENDED = 1 << 18  # Characters of one with more, of which the first levels are read: 40 ms.
_MANY = 1000  # Faults; of more no details are kept, as each costs as much as ten values.
# Of what the bridge wrote itself: its own messages may be larger than those it takes.
OWN_DEPTH, OWN_ITEMS, OWN_BYTES = 254, 4 * 1024 * 1024, 64 * 1024 * 1024
# Whole numbers of ROS messages: int64 and uint64.
LEAST, MOST = -(2**63), 2**64 - 1

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
# Beside the first levels all else of a text is decoded in one go, in which no other thread runs.
# What that costs, in digits, commas and the like between strings, about 20 ns each; a list or an
# object takes ten times as long. It comes to 45 ms.
_MOST_MENDED, _OF_A_PART = 2_200_000, 8
_PIECE = re.compile(r'(?:[^"]*+"(?:[^"\\]++|\\.)*+"){1,2000}+', re.DOTALL)
_MOST_TOKENS = 250_000  # Of a text with too many values that is too deep as well: 40 ms.
_TOO_DEEP = '-Infinity'  # The decoder takes it for a number, but no JSON text has it.


def read_json(text: str | bytes, *, max_bytes: int = MAX_BYTES, max_items: int = MAX_ITEMS) -> Any:
    """
    Read a JSON value.

    :raises JsonError: for anything that is not sound JSON within the bounds.
    """
    value, faults = _read(text, max_bytes, max_items, MAX_DEPTH, lenient=False)
    if faults:
        raise JsonError(f'not JSON: {faults[0]}')
    return value


def read_own(text: str | bytes) -> Any:
    """
    Read a JSON value that the bridge wrote, or its author, with more room than what comes in.

    :raises JsonError: as `read_json`.
    """
    value, faults = _read(text, OWN_BYTES, OWN_ITEMS, OWN_DEPTH, lenient=False)
    if faults:
        raise JsonError(f'not JSON: {faults[0]}')
    return value


def read_written(text: str) -> Any:
    """
    Read a text that this process has written with `json_writer`, and kept in memory since.

    Nothing of what is looked for elsewhere can be in it; it is read three times as fast.
    """
    return _decode_written(text)


def read_object(
    text: str | bytes, *, max_bytes: int = MAX_BYTES, max_items: int = MAX_ITEMS
) -> dict[str, Any]:
    """
    Read a JSON object.

    :raises JsonError: for anything else.
    """
    value = read_json(text, max_bytes=max_bytes, max_items=max_items)
    if not isinstance(value, dict):
        raise JsonError(f'expected a JSON object, not {json_type(value)}')
    return value


def read_own_object(text: str | bytes) -> dict[str, Any]:
    """
    Read a JSON object that the bridge wrote.

    :raises JsonError: for anything else.
    """
    value = read_own(text)
    if not isinstance(value, dict):
        raise JsonError(f'expected a JSON object, not {json_type(value)}')
    return value


def read_leniently(
    text: str | bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_items: int = MAX_ITEMS,
    max_mended: int = MAX_MENDED,
) -> tuple[Any, list[str]]:
    """
    Read as much of a JSON value as can be read, and say of the first what is wrong where.

    Numbers out of range and what is nested too deep become `Unreadable`, half surrogate pairs
    U+FFFD, and of a key that stands twice the last value counts. Of a text with too many values,
    of up to `max_mended` characters, the members of the outer object and of the objects in it are
    read; other lists and objects become `TooMany` once the room is used up.

    :raises JsonError: for what is no JSON at all.
    """
    return _read(text, max_bytes, max_items, MAX_DEPTH, lenient=True, max_mended=max_mended)


class _Decoder(threading.local):
    """A decoder for each thread; `faults` says that the value read last has some."""

    def __init__(self) -> None:
        self.faults = 0
        self.cut = False  # Whether `_TOO_DEEP` stands for parts that were cut out.
        # What stood twice, with the object where it did.
        self.duplicates: list[tuple[dict[str, Any], str]] = []
        self.decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._int,
            parse_float=self._float,
            parse_constant=self._constant,
        ).decode

    def fault(self) -> bool:
        """Count one; whether it may be looked at closely, as the first ones are."""
        self.faults += 1
        return self.faults <= _MANY

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Who reads the first and who reads the last would see two different commands.
        value = dict(pairs)
        if len(value) < len(pairs) and self.fault():
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            self.duplicates.append((value, twice))
        return value

    def _int(self, text: str) -> Any:
        if len(text) < 19:
            return int(text)
        # Python refuses to read thousands of digits, which are out of range in any case.
        value = int(text) if len(text) < 30 else math.inf
        if LEAST <= value <= MOST:
            return value
        return self._unreadable(f'{clipped(text)} does not fit in 64 bits')

    def _float(self, text: str) -> Any:
        value = float(text)
        if math.isfinite(value):
            return value
        return self._unreadable(f'{clipped(text)} is beyond any number')

    def _constant(self, text: str) -> Any:
        if self.cut and text == _TOO_DEEP:
            return self._unreadable(f'nested over {MAX_DEPTH} levels deep')
        return self._unreadable(f'{text} is no JSON number')

    def _unreadable(self, problem: str) -> Unreadable:
        return Unreadable(problem) if self.fault() else _ONE_OF_MANY


_ONE_OF_MANY = Unreadable('one of very many faults')
_decoder = _Decoder()
_decode_written = json.JSONDecoder().decode


def _read(
    text: str | bytes,
    max_bytes: int,
    max_items: int,
    max_depth: int,
    *,
    lenient: bool,
    max_mended: int = 0,
) -> tuple[Any, list[str]]:
    if len(text) > max_bytes:
        raise JsonError(f'{len(text)} bytes of JSON; expected at most {max_bytes}')
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            words = f'not JSON: no UTF-8 at byte {error.start}; send it as UTF-8'
            raise JsonError(words) from None
    text = text.removeprefix('\ufeff')  # Writers on Windows put a byte order mark before it.
    commas, openers = _counts(text)
    if commas + openers > max_items:
        # Those within strings count for nothing.
        mends = lenient and len(text) <= max_mended
        bare = _without_strings(text, len(text) if mends else max_items)
        commas, openers = _counts(bare)
        if commas + openers > max_items:
            if mends and len(bare) + _OF_A_PART * openers <= _MOST_MENDED:
                return _read_first_levels(text, max_items, max_depth)
            raise TooManyValues(f'over {max_items} values in one JSON text')
    decoder = _decoder
    decoder.faults, decoder.cut, decoder.duplicates = 0, False, []
    if openers > max_depth:
        text, decoder.cut = _without_deep_parts(text, max_depth, lenient)
    value = _decoded(decoder, text)
    faults = find_faults(value, decoder.duplicates) if decoder.faults else []
    if HALF_PAIR.search(text) or not (text.isascii() or encodable(text)):
        value = with_whole_texts(value, faults, decoder.fault)
    return value, faults


def _counts(text: str) -> tuple[int, int]:
    """Commas, and brackets that open."""
    return text.count(','), text.count('[') + text.count('{')


def _without_strings(text: str, most: int) -> str:
    """
    Return what stands between the strings; of more than `most` values the beginning is enough.

    In pieces: a million strings take 0.1 s, in which no other thread could run.
    """
    parts: list[str] = []
    at = count = 0
    while count <= most and (piece := _PIECE.match(text, at)):
        parts.append(_STRING.sub('', piece.group()))
        at = piece.end()
        count += sum(_counts(parts[-1]))
    if count <= most:
        parts.append(_STRING.sub('', text[at:]))
    return ''.join(parts)


def _decoded(decoder: _Decoder, text: str) -> Any:
    try:
        return decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise JsonError(f'not JSON: {error}') from None


def _read_first_levels(text: str, max_items: int, max_depth: int) -> tuple[Any, list[str]]:
    """Read a text with too many values: what stands in its first levels may stop a robot."""
    why = f'over {max_items} values in one JSON text'
    decoder = _decoder
    decoder.faults, decoder.cut, decoder.duplicates = 0, False, []
    try:
        value = _decode_written(text)  # A tenth of the time of the decoder that looks at each.
    except (RecursionError, ValueError):  # Also for a number of thousands of digits.
        text, decoder.cut = _without_deep_parts(text, max_depth, True, _MOST_TOKENS)
        value = _decoded(decoder, text)
    faults, value = [why], _within(value, _Room(max_items, max_depth, why), 0)
    if HALF_PAIR.search(text) or not (text.isascii() or encodable(text)):
        value = with_whole_texts(value, faults, decoder.fault)
    return value, faults


@dataclass(slots=True)
class _Room:
    """How many more values are read of a text that has too many, and what is said of the rest."""

    left: int
    depth: int
    why: str


def _within(value: Any, room: _Room, depth: int) -> Any:
    """Return a value without what there is no room for, nor anything that JSON has not."""
    kind = type(value)
    if kind is int:
        return value if LEAST <= value <= MOST else Unreadable('a number beyond 64 bits')
    if kind is float:
        return value if math.isfinite(value) else Unreadable('no JSON number')
    if kind is not dict and kind is not list:
        return value
    if depth >= room.depth:
        return Unreadable(f'nested over {room.depth} levels deep')
    if len(value) > room.left:
        if depth > 1 or kind is list:
            return TooMany(room.why, value)
    else:
        room.left -= len(value)
    if kind is list:
        return [_within(part, room, depth + 1) for part in value]
    return {key: _within(part, room, depth + 1) for key, part in value.items()}


def _without_deep_parts(
    text: str, max_depth: int, lenient: bool, most_tokens: int = OWN_ITEMS * 4
) -> tuple[str, bool]:
    """Put `_TOO_DEEP` for what is nested too deep; the text, and whether something was."""
    parts: list[str] = []
    depth, done, begin = 0, 0, -1
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number > most_tokens:
            raise JsonError(f'over {most_tokens} strings and brackets, nested too deep')
        what = token.group()[0]
        if what in '[{':
            depth += 1
            if depth == max_depth + 1:
                if not lenient:
                    raise JsonError(
                        f'not JSON: nested over {max_depth} levels deep at character '
                        f'{token.start()}'
                    )
                begin = token.start()
        elif what in ']}':
            depth -= 1
            if depth == max_depth and begin >= 0:
                parts += [text[done:begin], _TOO_DEEP]
                done, begin = token.end(), -1
    if begin >= 0:
        raise JsonError(f'not JSON: nested over {max_depth} levels deep and never closed')
    if not parts:
        return text, False
    return ''.join((*parts, text[done:])), True
