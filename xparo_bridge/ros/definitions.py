# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Definitions of message types as texts, as MCAP and rosbag2 keep them beside the messages.

The form is ros2msg: the type's own .msg text, then each type that it has in it after a line of 80
`=` and `MSG: package/Name`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
import re

from ament_index_python.packages import get_package_share_directory, PackageNotFoundError

from ..errors import BadInput

_SEPARATOR = '=' * 80
_FIELD = re.compile(
    r'^\s*+([A-Za-z]\w*+(?:/[A-Za-z]\w*+)*+)(?:<=\d++)?+(?:\[[^\]]*+\])?+\s++[A-Za-z]'
)
_BUILT_IN = re.compile(
    r'bool|byte|char|float(32|64)|u?int(8|16|32|64)|string(<=\d+)?|wstring(<=\d+)?'
)


class NoDefinition(BadInput):
    """A type whose .msg file is not installed."""


@cache
def definition(type_name: str) -> str:
    """
    Return the definition of `package/msg/Name` with those of all types in it.

    :raises NoDefinition: if one of them is not installed.
    """
    own, found = _read(type_name), {}
    waiting = _types_in(own, type_name.split('/')[0])
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = _read(name)
            waiting += _types_in(found[name], name.split('/')[0])
    parts = [own]
    for name, text in found.items():
        package, _, kind = name.split('/')
        parts.append(f'{_SEPARATOR}\nMSG: {package}/{kind}\n{text}')
    return '\n'.join(parts)


def _read(type_name: str) -> str:
    package, form, kind = type_name.split('/')
    try:
        path = Path(get_package_share_directory(package)) / form / f'{kind}.msg'
        return path.read_text(encoding='utf-8')
    except (PackageNotFoundError, OSError):
        raise NoDefinition(f'the definition of {type_name} is not installed') from None


def _types_in(text: str, package: str) -> list[str]:
    """Types of other messages in a definition, by their full names."""
    found = []
    for line in text.splitlines():
        match = _FIELD.match(line.split('#')[0])
        if match is None or _BUILT_IN.fullmatch(match[1]):
            continue
        parts = match[1].split('/')
        if len(parts) == 1:
            parts.insert(0, package)
        found.append(f'{parts[0]}/msg/{parts[-1]}')
    return found
