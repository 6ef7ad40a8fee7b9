# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder of a fleet: which files make the configuration of a robot, and what it says of starting.

    fleet.yaml             what all share
    groups/NAME.yaml       site, model, customer …
    robots/NAME.yaml       groups: [berlin, tb4]; what differs
    trees/  places/        files that the configuration names
    tests/NAME.yaml        what must hold

A robot is: the package's defaults < fleet.yaml < its groups in order < its own file, by the rules
of `layers`. docs/fleet.md is the user's page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import Any

from ..alike import alike
from ..configuration import (
    checked,
    Configuration,
    ConfigurationError,
    SchemaOfFiles,
    with_variables,
)
from ..json_schema import Validator
from ..layers import Complain, Layers
from ..share import share
from ..yaml_layers import EMPTY, key_text, KeyPath, Layer, Place, Problem
from .paths import in_folder

FLEET, GROUPS, ROBOTS, TESTS = 'fleet.yaml', 'groups', 'robots', 'tests'
# Files of the package below fleet.yaml, where it does not name others.
DEFAULTS = ('bridge.yaml', 'commands.yaml')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')
# Keys of the folder's files that are not the bridge's, with their schemas.
KEYS: dict[str, Any] = {
    'defaults': {
        'description': "The package's own files that lie below fleet.yaml; in fleet.yaml only",
        'type': 'array',
        'items': {'type': 'string'},
    },
    'groups': {
        'description': "Groups of the robot, the later win; in a robot's file only",
        'type': 'array',
        'items': {'type': 'string'},
    },
    'vars': {
        'description': 'Values that stand for ${NAME} in texts',
        'type': 'object',
        'additionalProperties': {'type': ['string', 'number', 'boolean']},
    },
    'launch': {
        'description': 'How the bridge of the robot is started',
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'namespace': {
                'description': 'ROS namespace of the robot',
                'type': 'string',
                'pattern': r'^/?([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?$',
            },
            'remappings': {
                'description': 'ROS names and what they become',
                'type': 'object',
                'additionalProperties': {'type': 'string', 'minLength': 1},
            },
            'use_sim_time': {'description': 'Whether time is that of /clock', 'type': 'boolean'},
        },
    },
}


@dataclass(frozen=True)
class Launch:
    """How a bridge is started: its namespace, remappings by name, and the clock."""

    namespace: str = ''
    remappings: Mapping[str, str] = field(default_factory=dict)
    use_sim_time: bool = False


@dataclass(frozen=True)
class Member:
    """
    A robot of the folder: its groups, its configuration, how it is started.

    `tree` is what its files say, with variables replaced and without defaults.
    """

    name: str
    groups: tuple[str, ...]
    configuration: Configuration
    launch: Launch
    tree: dict[str, Any]


def is_fleet(path: Path) -> bool:
    """Whether a path is the folder of a fleet."""
    return (path / FLEET).is_file()


class FleetFolder:
    """The files of one fleet, each read once."""

    def __init__(self, path: Path, *, on_robot: bool = True) -> None:
        """
        Read what all robots share.

        `on_robot` is whether this machine is the robot, whose folders can be looked at.
        """
        self.path = path
        self.schema = SchemaOfFiles(on_robot=on_robot)
        self._robots: dict[str, tuple[Layers, tuple[str, ...]]] = {}
        self._groups: dict[str, Layer] = {}
        self._merged: dict[tuple[str, ...], Layers] = {}
        self._fleet = Layer(path / FLEET, path)
        self.problems = list(self._own_problems())
        self._package = [Layer(share('config', name)) for name in self._defaults()]

    @property
    def names(self) -> list[str]:
        """Names of all robots."""
        return sorted(path.stem for path in (self.path / ROBOTS).glob('*.yaml'))

    @property
    def group_names(self) -> list[str]:
        """Names of all groups."""
        return sorted(path.stem for path in (self.path / GROUPS).glob('*.yaml'))

    def layers(self, name: str) -> tuple[Layers, tuple[str, ...]]:
        """
        Return the layers of a robot and its groups.

        :raises ConfigurationError: if there is no such robot.
        """
        if name in self._robots:
            return self._robots[name]
        file = self.path / ROBOTS / f'{name}.yaml'
        if not _NAME.fullmatch(name) or not file.is_file():
            near = alike(name, self.names, 1)
            hint = f'did you mean "{near[0]}"?' if near else f'known: {_some(self.names)}'
            problem = Problem(str(self.path / ROBOTS), '', f'no robot "{name}"; {hint}')
            raise ConfigurationError([problem])
        own = Layer(file, self.path)
        groups, problems = self._groups_of(own)
        layers = Layers([own], self._below(groups))
        layers.problems += problems
        self._robots[name] = layers, groups
        return layers, groups

    def member(self, name: str) -> Member:
        """
        Return a robot of the fleet.

        :raises ConfigurationError: with all that is wrong with its configuration.
        """
        layers, groups = self.layers(name)
        if layers.problems:
            raise ConfigurationError(layers.problems)
        found: list[tuple[KeyPath, str]] = []

        def complain(path: KeyPath, words: str) -> None:
            found.append((path, words))

        tree = with_variables(layers, name, complain)
        for key in ('defaults', 'groups'):
            tree.pop(key, None)
        launch = launch_of(tree, complain)
        if tree.setdefault('robot_id', name) != name:
            complain(('robot_id',), f"the robot's name is that of its file, {name}")
        here = in_folder({**tree}, self.path, complain)
        here.pop('launch', None)
        return Member(name, groups, checked(here, layers, self.schema, found), launch, tree)

    # --- files ---

    def _own_problems(self) -> Iterator[str]:
        """What is wrong with the folder itself."""
        if not (self.path / FLEET).is_file():
            yield Problem(str(self.path), '', f'no {FLEET}: this is not the folder of a fleet')
            return
        for folder in (GROUPS, ROBOTS):
            for file in sorted((self.path / folder).glob('*')):
                if file.name.startswith('.'):
                    continue
                if file.suffix != '.yaml' or not file.is_file():
                    words = 'is not read: expected files whose names end with .yaml'
                    yield Problem(str(file), '', words)
                elif not _NAME.fullmatch(file.stem):
                    words = 'expected a name of letters, digits, "_", "-" and "."'
                    yield Problem(str(file), '', words)
        for key, folder in (('groups', ROBOTS),):
            if key in self._fleet.tree:
                words = f'stands in files of {folder}/'
                yield Problem(self._fleet.lines[(key,)], key, words)
        if not self.names:
            words = f'no robot: expected {ROBOTS}/NAME.yaml, a file for each'
            yield Problem(str(self.path), '', words)

    def _defaults(self) -> list[str]:
        """Files of the package below fleet.yaml."""
        names = self._fleet.tree.get('defaults', list(DEFAULTS))
        if names is EMPTY or names is None:
            names = []
        known = sorted(path.name for path in share('config').glob('*.yaml'))
        if not isinstance(names, list) or not all(name in known for name in names):
            words = f'expected a list of files of the package, of {", ".join(known)}'
            self.problems.append(Problem(self._fleet.lines[('defaults',)], 'defaults', words))
            return []
        return names

    def _groups_of(self, own: Layer) -> tuple[tuple[str, ...], list[Problem]]:
        named = own.tree.get('groups', [])
        if named in (None, EMPTY):
            named = []
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            words = 'expected a list of names of groups, such as [berlin, tb4]'
            return (), [Problem(own.lines[('groups',)], 'groups', words)]
        problems: list[Problem] = []
        groups: list[str] = []
        for index, name in enumerate(named):
            place = own.lines[('groups', index)]
            key = key_text(('groups', index))
            if name in groups:
                problems.append(Problem(place, key, f'the group {name} stands twice'))
            elif not _NAME.fullmatch(name) or not self._group_file(name).is_file():
                near = alike(name, self.group_names, 1)
                known = _some(self.group_names) if self.group_names else f'none in {GROUPS}/'
                hint = f'did you mean "{near[0]}"?' if near else f'known: {known}'
                problems.append(Problem(place, key, f'no group "{name}"; {hint}'))
            else:
                groups.append(name)
        problems += _misplaced(own, ('defaults',))
        return tuple(groups), problems

    def _group_file(self, name: str) -> Path:
        return self.path / GROUPS / f'{name}.yaml'

    def _group(self, name: str) -> Layer:
        if name not in self._groups:
            layer = Layer(self._group_file(name), self.path)
            layer.problems += _misplaced(layer, ('defaults', 'groups'))
            self._groups[name] = layer
        return self._groups[name]

    def _below(self, groups: tuple[str, ...]) -> Layers:
        """What lies below the file of a robot; robots of the same groups share it."""
        if groups not in self._merged:
            self._merged[groups] = (
                Layers([self._group(groups[-1])], self._below(groups[:-1]))
                if groups
                else Layers([*self._package, self._fleet])
            )
        return self._merged[groups]


def launch_of(tree: Mapping[str, Any], complain: Complain) -> Launch:
    """Return how a bridge is started by the section `launch` of its configuration."""
    section = tree.get('launch')
    section = {} if section in (None, EMPTY) else section
    wrong = Validator(KEYS['launch']).problems(section)
    for problem in wrong:
        complain(('launch', *problem.path), problem.message)
    if wrong:
        return Launch()
    return Launch(
        section.get('namespace', '').strip('/'),
        dict(section.get('remappings', {})),
        section.get('use_sim_time', False),
    )


def _misplaced(layer: Layer, keys: tuple[str, ...]) -> list[Problem]:
    where = {'defaults': FLEET, 'groups': f'files of {ROBOTS}/'}
    return [
        Problem(layer.lines.get((key,), Place(str(layer.path), 1)), key, f'stands in {where[key]}')
        for key in keys
        if key in layer.tree
    ]


def _some(names: list[str], most: int = 12) -> str:
    return ', '.join(names[:most]) + (f' and {len(names) - most} more' if names[most:] else '')
