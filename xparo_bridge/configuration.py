# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Configuration: YAML files in layers, checked against config/schema.json.

Later files win, by the rules of `layers`. Defaults stand in the schema and nowhere else. Every
error names the file, the line and the key; all of them are reported at once.
docs/configuration.md is the user's page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
import re
import socket
from typing import Any, NoReturn, TypeVar

from . import configuration_rules
from .configuration_tree import expand_paths, without_nothing, without_wrong
from .configuration_words import explained
from .errors import BadInput
from .json_reader import read_own
from .json_schema import Validator
from .json_schema.defaults import fill_defaults
from .layers import Complain, Layers, merge
from .share import share
from .variables import Variables
from .yaml_layers import EMPTY, key_text, KeyPath, Layer, Problem

__all__ = [
    'checked',
    'Configuration',
    'ConfigurationError',
    'key_text',
    'KeyPath',
    'load',
    'merge',
    'Problems',
    'resolved',
    'SchemaOfFiles',
]

T = TypeVar('T')


class ConfigurationError(BadInput):
    """One or more problems, each `file:line: key: what is wrong and what would be right`."""

    def __init__(self, problems: Iterable[str], rest: Configuration | None = None) -> None:
        """`rest` is the configuration without what is wrong, to look for further problems."""
        self.problems = _of_interest(list(dict.fromkeys(problems)))
        self.rest = rest
        super().__init__('\n'.join(self.problems))


def _of_interest(problems: list[str]) -> list[str]:
    """Return problems without what is said of values that YAML does not read as they are meant."""
    misread = {p.key for p in problems if isinstance(p, Problem) and p.misread}

    def hidden(problem: str) -> bool:
        if not isinstance(problem, Problem) or problem.misread:
            return False
        return any(
            problem.key == key or problem.key.startswith((f'{key}.', f'{key}[')) for key in misread
        )

    return [problem for problem in problems if not hidden(problem)]


class Problems:
    """Problems of several passes over a configuration, to be reported at once."""

    def __init__(self, found: Iterable[str] = ()) -> None:
        self.found = list(found)

    def attempt(self, make: Callable[[], T], otherwise: Callable[[], T]) -> T:
        """Make something; if that raises ConfigurationError note it, and make it otherwise."""
        try:
            return make()
        except ConfigurationError as error:
            self.found += error.problems
        return otherwise()

    def without_wrong(self, section: str, entries: dict[str, Any]) -> dict[str, Any]:
        """Return the entries of a section that have no problems."""
        return {
            name: entry
            for name, entry in entries.items()
            if not any(re.search(rf': {section}\.{re.escape(name)}[.:]', t) for t in self.found)
        }

    def raise_if_any(self) -> None:
        """Raise ConfigurationError with all of them, if there are any, in the files' order."""
        if self.found:
            raise ConfigurationError(sorted(self.found, key=_by_place))


def _by_place(problem: str) -> tuple[str, int]:
    place = re.match(r'(.*?):(\d+): ', problem)
    return (place[1], int(place[2])) if place else ('\uffff', 0)


@dataclass(frozen=True)
class Configuration:
    """
    The merged tree; `layers` lead back to the file and line that a key came from.

    `broken` has the sections, such as links, of which something was left out because it was wrong.
    """

    data: dict[str, Any]
    layers: Layers = field(default_factory=lambda: Layers([]), repr=False)
    broken: frozenset[str] = frozenset()

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def where(self, path: Sequence[str | int]) -> str:
        """Return `file:line` of a key, or of the nearest key above it that a file has."""
        steps = tuple(path)
        lines = self.layers.lines
        while steps and steps not in lines:
            steps = steps[:-1]
        return lines.get(steps, 'configuration')

    def section(self, path: KeyPath, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a part of the tree, checked against its own schema and with its defaults."""
        part, found = self._section(path, schema)
        if found:
            raise ConfigurationError(self.problem((*path, *at), text) for at, text in found)
        fill_defaults(part, schema, schema)
        return dict(part)

    def section_problems(self, path: KeyPath, schema: dict[str, Any]) -> list[tuple[KeyPath, str]]:
        """Return what a part of the tree has that its own schema does not allow."""
        return [((*path, *at), text) for at, text in self._section(path, schema)[1]]

    def rest_of_section(
        self, path: KeyPath, schema: dict[str, Any]
    ) -> tuple[dict[str, Any] | None, set[str | int]]:
        """
        Return what is right of a part that its own schema does not allow, and the keys left out.

        The part is None if a key that must be there is wrong. A wrong declaration below
        `parameters` is one of any type.
        """
        part, found = self._section(path, schema)
        left_out: set[str | int] = set()
        of_any_type = set()
        for at, _ in found:
            if not at or at[0] in schema.get('required', ()) or at == ('parameters',):
                return None, left_out
            if at[0] == 'parameters':
                of_any_type.add(at[1])
            else:
                left_out.add(at[0])
        for key in left_out:
            part.pop(key, None)
        for name in of_any_type:
            part['parameters'].pop(name, None)
        fill_defaults(part, schema, schema)
        for name in of_any_type:
            part['parameters'][name] = {}
        return dict(part), left_out

    def _section(
        self, path: KeyPath, schema: dict[str, Any]
    ) -> tuple[Any, list[tuple[KeyPath, str]]]:
        part: Any = self.data
        for step in path:
            part = part[step]
        part = without_nothing(copy.deepcopy(part), schema, schema)
        return part, list(
            explained(self.layers.sources, path, part, Validator(schema, finite=True))
        )

    def replacing(self, section: str, value: Any) -> Configuration:
        """Return the same with another value of a section."""
        return replace(self, data={**self.data, section: value})

    def problem(self, path: Sequence[str | int], text: str) -> str:
        """Return one problem as ConfigurationError lists it."""
        return Problem(self.where(path), key_text(path), text)

    def refuse(self, path: Sequence[str | int], text: str) -> NoReturn:
        """Raise ConfigurationError with one problem."""
        raise ConfigurationError([self.problem(path, text)])


class SchemaOfFiles:
    """
    A schema of configurations, compiled once for many; by default config/schema.json.

    `on_robot` is whether this machine is the one they are for, whose folders can be looked at.
    """

    def __init__(self, schema: dict[str, Any] | None = None, *, on_robot: bool = True) -> None:
        self.own = schema is None
        self.on_robot = on_robot
        if schema is None:
            schema = read_own(share('config', 'schema.json').read_bytes())
        self.schema: dict[str, Any] = schema

    @cached_property
    def validator(self) -> Validator:
        """Checks whole trees."""
        return Validator(self.schema, finite=True)


def load(
    files: Sequence[str | Path], schema: dict[str, Any] | None = None, robot_id: str = ''
) -> Configuration:
    """
    Read, merge and check the files in the order given.

    :raises ConfigurationError: with all problems.
    """
    layers = Layers([Layer(Path(file)) for file in files])
    return resolved(layers, robot_id, SchemaOfFiles(schema))


def resolved(layers: Layers, robot_id: str, schema: SchemaOfFiles) -> Configuration:
    """
    Return the configuration of layers, with their variables replaced and checked.

    Without a `robot_id` it is the configuration's, or the host's name.

    :raises ConfigurationError: with all problems.
    """
    known = layers.problems
    if any(layer.unread for layer in layers.layers):
        raise ConfigurationError(known)  # What is missing there would be missed everywhere.
    found: list[tuple[KeyPath, str]] = []
    tree = with_variables(layers, robot_id, lambda path, text: found.append((path, text)))
    try:
        configuration = checked(tree, layers, schema, found)
    except ConfigurationError as error:
        raise ConfigurationError([*known, *error.problems], error.rest) from None
    if known:
        keys = [problem.key for problem in known if isinstance(problem, Problem)]
        broken = {re.split(r'[.[]', key)[0] for key in keys if key}
        raise ConfigurationError(known, replace(configuration, broken=frozenset(broken)))
    return configuration


def with_variables(layers: Layers, robot_id: str, complain: Complain) -> dict[str, Any]:
    """Return the tree of layers with its variables replaced, without the keys that hold them."""
    # Keys with x- are nothing but a home for YAML's anchors.
    tree = {key: value for key, value in layers.tree.items() if not key.startswith('x-')}
    values = tree.pop('vars', None)
    if values in (None, EMPTY):
        values = {}
    elif not isinstance(values, dict):
        complain(('vars',), 'expected a map of names to values')
        values = {}
    own = tree.get('robot_id')
    robot_id = robot_id or (own if isinstance(own, str) else '') or socket.gethostname()
    return Variables(values, robot_id, complain).in_tree(tree)


def checked(
    tree: dict[str, Any],
    layers: Layers | None = None,
    schema: SchemaOfFiles | None = None,
    found: Sequence[tuple[KeyPath, str]] = (),
) -> Configuration:
    """
    Return the configuration of a tree, with its defaults.

    `found` are problems that are known already.

    :raises ConfigurationError: with all problems, and the rest if there is one.
    """
    known = schema or SchemaOfFiles()
    root = known.schema
    tree = without_nothing(tree, root, root)
    configuration = Configuration(tree, layers or Layers([]))
    problems = [*found, *explained(configuration.layers.sources, (), tree, known.validator, root)]
    rest: Any = tree
    if problems:
        rest = without_wrong(tree, root, known.validator)
        if rest is None:
            raise ConfigurationError(configuration.problem(path, text) for path, text in problems)
    fill_defaults(rest, root, root)
    problems += expand_paths(rest, root, root, on_robot=known.on_robot)
    if known.own:
        problems += configuration_rules.problems(rest, on_robot=known.on_robot)
    if problems:
        broken = frozenset(str(path[0]) for path, _ in problems if path)
        raise ConfigurationError(
            [configuration.problem(path, text) for path, text in problems],
            Configuration(rest, configuration.layers, broken),
        )
    return configuration
