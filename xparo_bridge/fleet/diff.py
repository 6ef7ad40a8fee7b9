# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config diff`: what differs, in words for what a robot may do, and key by key."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..configuration import Configuration, ConfigurationError
from ..layers import NAMED_LISTS, walk
from ..rollout.bundle import Bundle, is_bundle
from ..rollout.folder import FleetFolder, is_fleet, Launch, Member
from ..rollout.making import content_of_files, short
from ..rollout.rendering import scalar
from ..rollout.source import of_bundle
from ..yaml_layers import EMPTY, KeyPath
from .git import checked_out, is_revision
from .powers import files, launched, powers, taken
from .subject import folder_of, UsageError


@dataclass(frozen=True)
class Side:
    """The robots of one side by name, the folder that their files are in, and its name."""

    name: str
    robots: Mapping[str, Member]
    folder: Path


@dataclass(frozen=True)
class Difference:
    """What differs for a robot: in words, and each key with both values and their places."""

    robot: str
    words: list[str]
    keys: list[tuple[str, Any, Any, str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    of_what = (
        "a robot of the folder, a git revision, another fleet's folder, or what a robot runs: its "
        'bundle'
    )
    parser.add_argument('a', metavar='A', help=of_what)
    parser.add_argument(
        'b', metavar='B', nargs='?', help='the same; the folder as it is if left out'
    )
    parser.add_argument('--folder', default='.', help='the folder of the fleet')
    parser.add_argument('--robot', action='append', help='only this robot; may be repeated')
    parser.add_argument('--format', choices=('text', 'json'), default='text')


def run(options: argparse.Namespace) -> int:
    """Print it; an exit code: 1 if something differs."""
    folder = folder_of(options.folder)
    with ExitStack() as stack:
        sides = [
            _side(folder, name, options.robot, stack)
            for name in (options.a, options.b if options.b is not None else '')
        ]
        differences = list(compare(*sides))
    if options.format == 'json':
        print(json.dumps([as_json(each) for each in differences], indent=2, default=str))
    else:
        print('\n'.join(as_text(differences)) or 'nothing differs')
    return 1 if differences else 0


def compare(before: Side, after: Side) -> Iterator[Difference]:
    """Yield what differs, robot by robot; one robot of each side are compared as they are."""
    if len(before.robots) == len(after.robots) == 1:
        ((was_name, was),) = before.robots.items()
        ((name, now),) = after.robots.items()
        title = name if name == was_name else f'{was_name} → {name}'
        yield from _difference(title, was, now, before.folder, after.folder)
        return
    for name in sorted(before.robots.keys() | after.robots.keys()):
        if name not in after.robots:
            yield Difference(name, ['is no longer in the fleet'], [])
        elif name not in before.robots:
            yield Difference(name, ['is new in the fleet'], [])
        else:
            robots = before.robots[name], after.robots[name]
            yield from _difference(name, *robots, before.folder, after.folder)


def _difference(
    title: str, was: Member, now: Member, folder_before: Path, folder: Path
) -> Iterator[Difference]:
    before, after = (_comparable(each.configuration.data) for each in (was, now))
    launch_before, launch = _launches(was, now)
    travel = content_of_files(was, folder_before), content_of_files(now, folder)
    changed = list(files(*travel))
    if before == after and launch_before == launch and not changed:
        return
    old = {**dict(_named(walk(before), before)), **_launch_keys(launch_before)}
    new = {**dict(_named(walk(after), after)), **_launch_keys(launch)}
    keys = []
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key, EMPTY) != new.get(key, EMPTY):
            place = _place(now.configuration, key, folder) if key in new else ''
            keys.append((key, old.get(key, EMPTY), new.get(key, EMPTY), place))
    beside = ['launch'] if launch_before != launch else []
    words = [
        *powers(before, after),
        *launched(launch_before, launch),
        *changed,
        taken(before, after, beside + (['files that travel with it'] if changed else [])),
    ]
    yield Difference(title, words, keys)


def _launches(was: Member, now: Member) -> tuple[Launch, Launch]:
    """Return how both are started; that each of two robots has its own name is no difference."""
    if was.name == now.name:
        return was.launch, now.launch

    def without_name(member: Member) -> Launch:
        parts = member.launch.namespace.split('/')
        named = ('${robot_id}' if part == member.name else part for part in parts)
        return replace(member.launch, namespace='/'.join(named))

    return without_name(was), without_name(now)


def _launch_keys(launch: Launch) -> dict[str, Any]:
    """Return the keys of the section `launch` that say something."""
    said = {key: value for key, value in asdict(launch).items() if value}
    return {'.'.join(map(str, path)): value for path, value in walk({'launch': said})}


def _comparable(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs by where the files are and whose they are."""
    trees = data['trees']
    folder = trees['folder'] and Path(trees['folder']).name
    return {
        **{key: value for key, value in data.items() if key != 'robot_id'},
        'trees': {**trees, 'folder': folder},
    }


def _named(
    values: Iterator[tuple[KeyPath, Any]], data: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Name keys by the names of things in lists, so that other numbers are no difference."""
    for path, value in values:
        for at, names in NAMED_LISTS.items():
            if path[: len(at)] == at and len(path) > len(at):
                entry: Any = data
                for step in path[: len(at) + 1]:
                    entry = entry[step]
                name = next((entry[key] for key in names if key in entry), path[len(at)])
                path = (*at, str(name), *path[len(at) + 1 :])
        yield '.'.join(map(str, path)), value


def _place(configuration: Configuration, key: str, folder: Path) -> str:
    if key.startswith('launch.'):
        # Names of ROS have no dots; the section is no part of the bridge's configuration.
        return _short(configuration.where(key.split('.', 2)), folder)
    for path, _ in walk(configuration.data):
        if (
            '.'.join(map(str, path)) == key
            or next((name for name, _ in _named(iter([(path, None)]), configuration.data)), '')
            == key
        ):
            return _short(configuration.where(path), folder)
    return ''


def _short(place: str, folder: Path) -> str:
    file, line = getattr(place, 'file', ''), getattr(place, 'line', 0)
    return f'{short(Path(file), folder)}:{line}' if file else ''


def _side(folder: FleetFolder, name: str, only: list[str] | None, stack: ExitStack) -> Side:
    if not name:
        return _of_fleet('the folder', folder, only)
    if name in folder.names:
        return Side(name, {name: folder.member(name)}, folder.path)
    path = Path(name).expanduser()
    if path.suffix == '.tar' and path.is_file():
        path = _unpacked(path, stack)
    if is_bundle(path):
        member = of_bundle(path, on_robot=False)
        return Side(name, {member.name: member}, path)
    if is_fleet(path):
        return _of_fleet(name, FleetFolder(path, on_robot=False), only)
    if is_revision(folder.path, name):
        there = stack.enter_context(checked_out(folder.path, name))
        return _of_fleet(name, FleetFolder(there, on_robot=False), only)
    raise UsageError(
        f'{name}: neither a robot ({", ".join(folder.names[:12])} …), nor a git revision, a '
        "fleet's folder or a bundle"
    )


def _unpacked(file: Path, stack: ExitStack) -> Path:
    """Return a folder with a bundle that is one file."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix='xparo_config_'))) / file.stem
    Bundle.read(file).write(folder)
    return folder


def _of_fleet(name: str, folder: FleetFolder, only: list[str] | None) -> Side:
    robots, problems = {}, []
    for robot in only or folder.names:
        try:
            robots[robot] = folder.member(robot)
        except ConfigurationError as error:
            if robot in folder.names:
                problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return Side(name, robots, folder.path)


def as_text(differences: list[Difference]) -> Iterator[str]:
    """Say what differs, once for robots to which the same happens."""
    # Robots to which the same happens are printed once, with the places of the first.
    alike: dict[str, list[Difference]] = {}
    for each in differences:
        same = repr((each.words, [(key, was, now) for key, was, now, _ in each.keys]))
        alike.setdefault(same, []).append(each)
    for group in alike.values():
        first = group[0]
        yield f'{", ".join(each.robot for each in group)}:'
        yield from (f'  {words}' for words in first.words)
        for key, was, now, place in first.keys:
            where = f'  {place}' if place else ''
            yield f'    {key}: {_value(was)} → {_value(now)}{where}'


def _value(value: Any) -> str:
    return 'nothing' if value is EMPTY or value is None else scalar(value)


def as_json(each: Difference) -> dict[str, Any]:
    """Return what differs for a robot, for machines."""
    return {
        'robot': each.robot,
        'words': each.words,
        'keys': [
            {
                'key': key,
                'before': None if was is EMPTY else was,
                'after': None if now is EMPTY else now,
                'from': place,
            }
            for key, was, now, place in each.keys
        ],
    }
