# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the parts of a frame that can be read: one that cannot costs itself, and is reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...json_reader import json_type, Unreadable
from ...messages import LinkProblem
from .base import Frame, MAX_SAID, parse_frame, ProtocolError, read_field, readable, TYPE_NAMES


def parse_parts(frame: Frame) -> tuple[dict[str, Any], list[LinkProblem]]:
    """
    JSON object of a text frame without those of its parts that cannot be read, and what they are.

    For frames whose words count whatever decorates them. A member of the object itself stays
    Unreadable, for `read_field` to say why.
    """
    return parts_of(*parse_frame(frame, 0))


def parts_of(
    body: dict[str, Any], faults: Sequence[str]
) -> tuple[dict[str, Any], list[LinkProblem]]:
    """Return what `parse_parts` does of an object that was read leniently."""
    if not faults:
        return body, []
    whole = {
        key: value if isinstance(value, Unreadable) else _pruned(value)
        for key, value in body.items()
    }
    return whole, [LinkProblem(f'not JSON: {fault}') for fault in faults[:MAX_SAID]]


def readable_parts(value: Any) -> Any:
    """Return a value without those of its parts that could not be read."""
    return None if isinstance(value, Unreadable) else _pruned(value)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _pruned(v) for k, v in value.items() if not isinstance(v, Unreadable)}
    if isinstance(value, list):
        return [_pruned(part) for part in value if not isinstance(part, Unreadable)]
    return value


def read_optional(
    data: dict[str, Any],
    key: str,
    kind: type,
    where: str,
    default: Any,
    problems: list[LinkProblem],
) -> Any:
    """Take what a message may do without: another kind of value is a problem and the default."""
    try:
        return read_field(data, key, kind, where, default)
    except ProtocolError as error:
        problems.append(LinkProblem(str(error)))
        return default


def good_items(
    items: Iterable[tuple[Any, Any]], kind: type, where: str
) -> tuple[list[tuple[Any, Any]], list[LinkProblem]]:
    """
    Items that are of a `kind`, with their names or numbers, and what is wrong with others.

    ProtocolError if there are items and none of the kind.
    """
    good: list[tuple[Any, Any]] = []
    problems: list[LinkProblem] = []
    for name, item in items:
        if isinstance(item, kind) and readable(item):
            good.append((name, item))
        elif len(problems) < MAX_SAID:
            found = item.problem if isinstance(item, Unreadable) else f'is {json_type(item)}'
            name = f'"{name[:80]}"' if isinstance(name, str) else name
            problems.append(
                LinkProblem(f'{where}: item {name} {found}, expected {TYPE_NAMES[kind]}')
            )
    if problems and not good:
        raise ProtocolError('; '.join(each.problem for each in problems))
    return good, problems
