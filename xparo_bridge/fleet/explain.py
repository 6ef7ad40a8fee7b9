# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config explain`: each value of a robot, where it came from and what it took the place of."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Any

from ..layers import walk
from ..rollout.folder import Member
from ..rollout.making import origin, short
from ..rollout.rendering import render, scalar
from ..yaml_layers import EMPTY, key_text
from .keys import path_of
from .subject import folder_of

_VARIABLE = re.compile(r'\$\{(\w+)\}')
_DEFAULT = "the bridge's default"


@dataclass(frozen=True)
class Explained:
    """
    A value, its place, how it is written there, and what it took the place of.

    `variables` are those that are written there, each with its value and its place.
    """

    key: str
    value: Any
    place: str
    written: Any
    overrode: tuple[tuple[str, Any], ...] = ()
    variables: tuple[tuple[str, Any, str], ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('robot', metavar='ROBOT', help='its name')
    parser.add_argument('key', nargs='?', metavar='KEY', help='such as links.platform.url')
    parser.add_argument('--folder', default='.', help='the folder of the fleet')
    parser.add_argument(
        '--format',
        choices=('text', 'json', 'yaml'),
        default='text',
        help='yaml is the merged file, with where each value came from',
    )
    parser.add_argument(
        '--defaults', action='store_true', help="also what no file names: the bridge's defaults"
    )


def run(options: argparse.Namespace) -> int:
    """Print it; an exit code."""
    folder = folder_of(options.folder)
    member = folder.member(options.robot)
    if options.format == 'yaml':
        print(_as_yaml(member, options.key or '', folder.path), end='')
        return 0
    found = list(
        explained(member, options.key or '', folder.path, options.defaults or bool(options.key))
    )
    if options.format == 'json':
        print(json.dumps([_as_json(each) for each in found], indent=2, default=str))
    else:
        for each in found:
            print(_as_text(each))
    return 0


def explained(member: Member, key: str, folder: Path, defaults: bool) -> Iterator[Explained]:
    """Explain all values below a key; those that no file has only with `defaults`."""
    data = member.configuration.data
    at = path_of(key, data) if key else ()
    part: Any = data
    for step in at:
        part = part[step]
    layers = member.configuration.layers
    for path, value in walk(part, at):
        history = layers.history(path)
        if not history:
            if defaults or path == ('robot_id',):
                place = 'the name of its file' if path == ('robot_id',) else _DEFAULT
                yield Explained(key_text(path), value, place, value)
            continue
        first, *others = history
        yield Explained(
            key_text(path),
            value,
            _place(first.place, folder),
            first.value,
            tuple((_place(each.place, folder), each.value) for each in others),
            tuple(_variables(first.value, member, folder)),
        )


def _variables(written: Any, member: Member, folder: Path) -> Iterator[tuple[str, Any, str]]:
    """Say what variables in a text stand for, and where that is written."""
    names = _VARIABLE.findall(written) if isinstance(written, str) else []
    for name in names:
        for found in member.configuration.layers.history(('vars', name))[:1]:
            yield name, found.value, _place(found.place, folder)


def _place(place: str, folder: Path) -> str:
    file, line = getattr(place, 'file', place), getattr(place, 'line', 0)
    return f'{short(Path(file), folder)}:{line}'


def _as_text(each: Explained) -> str:
    text = f'{each.key} = {_shown(each.value)}  {each.place}'
    if isinstance(each.written, str) and each.written != each.value:
        text += f', written {_shown(each.written)}'
    for name, value, place in each.variables:
        text += f'\n    {name} is {_shown(value)}  {place}'
    for place, value in each.overrode:
        text += f'\n    in place of {_shown(value)}  {place}'
    return text


def _shown(value: Any) -> str:
    return 'nothing' if value is EMPTY else scalar(value)


def _as_json(each: Explained) -> dict[str, Any]:
    return {
        'key': each.key,
        'value': each.value,
        'from': each.place,
        'written': each.written,
        'variables': [
            {'name': name, 'value': value, 'from': place} for name, value, place in each.variables
        ],
        'overrode': [{'from': place, 'value': value} for place, value in each.overrode],
    }


def _as_yaml(member: Member, key: str, folder: Path) -> str:
    tree: Any = member.tree
    if key:
        for step in path_of(key, member.configuration.data)[:1]:
            tree = {step: tree[step]} if step in tree else {}
    return render(tree, origin(member.configuration.layers, folder))
