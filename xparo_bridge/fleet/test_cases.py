# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read the tests of a fleet's folder: what each gives, and what it expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..json_schema import Validator
from ..rollout.folder import FleetFolder, TESTS
from ..yaml_layers import key_text, Layer, Problem

_NAMES = {'type': 'array', 'items': {'type': 'string'}}
_MAP = {'type': 'object'}
_FIELDS = {'type': 'object', 'additionalProperties': True}


def _one_of(alternatives: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a step: exactly one of some keys, and what may stand beside it."""
    return {
        'type': 'object',
        'additionalProperties': False,
        'minProperties': 1,
        'properties': {**alternatives, **more},
    }


GIVEN = {
    'frame': {'description': 'What the platform sends', 'type': ['object', 'string']},
    'command': {'description': 'A command that the platform gives', 'type': 'string'},
    'topic': {'description': 'A topic that the robot publishes', 'type': 'string'},
}
EXPECTED = {
    'frame': {'description': 'What the platform gets; more may stand in it', 'type': 'object'},
    'status': {'description': 'How a command stands: state, error …', 'type': 'object'},
    'rejected': {'description': 'The code with which a command is rejected', 'type': 'string'},
    'telemetry': {'description': 'Values that are sent', 'type': 'object'},
    'goal': {'description': 'The action that gets a goal', 'type': 'string'},
    'call': {'description': 'The service that is called', 'type': 'string'},
    'message': {'description': 'The topic that is published', 'type': 'string'},
    'no_goal': {'description': 'An action that gets no goal', 'type': 'string'},
    'no_call': {'description': 'A service that is not called', 'type': 'string'},
}
_TEST = {
    'type': 'object',
    'additionalProperties': False,
    'required': ['name', 'given', 'expect'],
    'properties': {
        'name': {'type': 'string', 'minLength': 1},
        'given': {
            'type': 'array',
            'items': _one_of(
                GIVEN,
                {
                    'link': {'type': 'string'},
                    'parameters': _MAP,
                    'type': {'type': 'string'},
                    'value': _FIELDS,
                },
            ),
        },
        'expect': {
            'type': 'array',
            'items': _one_of(
                EXPECTED,
                {'link': {'type': 'string'}, 'command': {'type': 'string'}, 'fields': _FIELDS},
            ),
        },
        'within': {'type': 'number', 'exclusiveMinimum': 0},
    },
}
SCHEMA = {
    'type': 'object',
    'additionalProperties': False,
    'required': ['tests'],
    'properties': {
        'robots': _NAMES,
        'groups': _NAMES,
        'tests': {'type': 'array', 'items': _TEST},
    },
}
# How long what is expected may take to come, s.
WITHIN = 5.0


@dataclass(frozen=True)
class Case:
    """One test: steps of one key each that say what they are, and where it stands."""

    name: str
    place: str
    given: Sequence[Mapping[str, Any]]
    expect: Sequence[Mapping[str, Any]]
    within: float = WITHIN


@dataclass(frozen=True)
class CaseFile:
    """The tests of one file, in order, and the robots they are for."""

    path: Path
    cases: Sequence[Case]
    robots: Sequence[str]


def read_cases(folder: FleetFolder) -> tuple[list[CaseFile], list[str]]:
    """Return the tests of a folder, and what is wrong with their files."""
    files, problems = [], []
    validator = Validator(SCHEMA)
    for path in sorted((folder.path / TESTS).glob('*.yaml')):
        layer = Layer(path, folder.path)
        found = list(layer.problems)
        if not found:
            found += [
                Problem(_place(layer, each.path), key_text(each.path), each.message)
                for each in validator.problems(layer.tree)
            ]
        if not found:
            found += _steps(layer)
        if not found:
            robots, more = _robots(folder, layer)
            found += more
            files.append(CaseFile(path, list(_cases(layer)), robots))
        problems += found
    return files, problems


def _steps(layer: Layer) -> list[str]:
    """Say which steps are none, or more than one."""
    problems: list[str] = []
    for number, test in enumerate(layer.tree['tests']):
        for key, kinds in (('given', GIVEN), ('expect', EXPECTED)):
            for index, step in enumerate(test[key]):
                names = [name for name in kinds if name in step]
                if key == 'expect' and 'command' in step:
                    names = [name for name in names if name != 'command']
                if len(names) != 1:
                    path = ('tests', number, key, index)
                    words = f'expected one of {", ".join(kinds)}'
                    problems.append(Problem(_place(layer, path), key_text(path), words))
                elif names == ['topic'] and 'type' not in step:
                    path = ('tests', number, key, index)
                    words = 'expected the type of the topic, such as type: std_msgs/msg/String'
                    problems.append(Problem(_place(layer, path), key_text(path), words))
    return problems


def _robots(folder: FleetFolder, layer: Layer) -> tuple[list[str], list[str]]:
    tree, problems = layer.tree, []
    for key, known in (('robots', folder.names), ('groups', folder.group_names)):
        for index, name in enumerate(tree.get(key, ())):
            if name not in known:
                words = f'no such one: {", ".join(known[:12])}'
                place = _place(layer, (key, index))
                problems.append(Problem(place, key_text((key, index)), words))
    if problems:
        return [], list(problems)
    names = tree.get('robots', folder.names)
    groups = set(tree.get('groups', ()))
    return [name for name in names if not groups or groups & set(folder.layers(name)[1])], []


def _cases(layer: Layer) -> list[Case]:
    return [
        Case(
            test['name'],
            _place(layer, ('tests', number)),
            test['given'],
            test['expect'],
            float(test.get('within', WITHIN)),
        )
        for number, test in enumerate(layer.tree['tests'])
    ]


def _place(layer: Layer, path: Sequence[str | int]) -> str:
    steps = tuple(path)
    while steps and steps not in layer.lines:
        steps = steps[:-1]
    return layer.lines.get(steps, str(layer.path))
