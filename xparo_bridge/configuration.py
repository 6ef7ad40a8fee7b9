# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Configuration: YAML files in layers, checked against config/schema.json.

Later files win, by the rules of `layers`. Defaults stand in the schema and nowhere else. Every
error names the file, the line and the key; all of them are reported at once.
docs/configuration.md is the user's page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
import re
import socket
from typing import Any, NoReturn, TypeVar

from . import configuration_rules
from .alike import alike
from .configuration_hints import type_hint
from .errors import BadInput
from .json_reader import read_own
from .json_schema import Problem as SchemaProblem
from .json_schema import Validator
from .layers import Complain, Layers, merge, Variables
from .share import share
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

# Problems of one configuration that are taken out of it to look for further ones.
_MOST_WRONG = 100
# Characters of the schema's words, which repeat the value.
_LONGEST_TEXT = 500
# What has been put into configuration files and must not be there.
_SECRETS = frozenset(
    ('secret_key', 'secret', 'project_id', 'password', 'token', 'api_key', 'credentials')
)


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
        _fill_defaults(part, schema, schema)
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
        _fill_defaults(part, schema, schema)
        for name in of_any_type:
            part['parameters'][name] = {}
        return dict(part), left_out

    def _section(
        self, path: KeyPath, schema: dict[str, Any]
    ) -> tuple[Any, list[tuple[KeyPath, str]]]:
        part: Any = self.data
        for step in path:
            part = part[step]
        part = _without_nothing(copy.deepcopy(part), schema, schema)
        return part, list(_errors(self, path, part, Validator(schema, finite=True)))

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
    tree = _without_nothing(tree, root, root)
    configuration = Configuration(tree, layers or Layers([]))
    problems = [*found, *_errors(configuration, (), tree, known.validator)]
    rest: Any = tree
    if problems:
        rest = _without_wrong(tree, root, known.validator)
        if rest is None:
            raise ConfigurationError(configuration.problem(path, text) for path, text in problems)
    _fill_defaults(rest, root, root)
    problems += _expand_paths(rest, root, root, on_robot=known.on_robot)
    if known.own:
        problems += configuration_rules.problems(rest, on_robot=known.on_robot)
    if problems:
        broken = frozenset(str(path[0]) for path, _ in problems if path)
        raise ConfigurationError(
            [configuration.problem(path, text) for path, text in problems],
            Configuration(rest, configuration.layers, broken),
        )
    return configuration


def _without_wrong(
    tree: dict[str, Any], schema: dict[str, Any], validator: Validator
) -> dict[str, Any] | None:
    """Return a copy of a tree without what the schema does not allow; None if nothing is left."""
    rest = copy.deepcopy(tree)
    for _ in range(_MOST_WRONG):
        error = validator.first(rest)
        if error is None:
            return rest
        path = list(error.path)
        if error.keyword == 'additionalProperties' and isinstance(error.instance, dict):
            known = error.schema.get('properties', {})
            path.append(next(key for key in error.instance if key not in known))
        if not path:
            # Without what the top level requires there are no links, but all the rest.
            if error.keyword != 'required' or 'links' in rest:
                return None
            rest['links'] = []
            schema = {**schema, 'properties': {**schema['properties'], 'links': {}}}
            validator = Validator(schema, finite=True)
            continue
        parent: Any = rest
        for step in path[:-1]:
            parent = parent[step]
        del parent[path[-1]]
        if path[0] == 'links' and not rest.get('links'):
            rest['links'] = []
            schema = {**schema, 'properties': {**schema['properties'], 'links': {}}}
            validator = Validator(schema, finite=True)
    return None


def _resolved(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    while isinstance(schema, dict) and '$ref' in schema:
        target: Any = root
        for step in schema['$ref'].removeprefix('#/').split('/'):
            target = target[step]
        schema = target
    return schema if isinstance(schema, dict) else {}


def _part(schema: dict[str, Any], key: str) -> Any:
    """Schema of a key of a map, None if it may be anything."""
    part = schema.get('properties', {}).get(key, schema.get('additionalProperties'))
    return part if isinstance(part, dict) else None


def _without_nothing(tree: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """
    Say what nothing means, where the schema does not take it for a value.

    A section with nothing below it has its defaults; a key that a later file sets to null is gone.
    """
    schema = _resolved(schema, root)
    if isinstance(tree, list):
        items = schema.get('items', {})
        return [_without_nothing(None if item is EMPTY else item, items, root) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kept = {}
    for key, value in tree.items():
        part = _part(schema, key)
        kinds = _resolved(part, root).get('type', ()) if part is not None else ('null',)
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if value is EMPTY and 'object' in kinds:
            value = {}
        elif value is EMPTY and 'array' in kinds:
            value = []
        elif (value is None or value is EMPTY) and 'null' in kinds:
            value = None
        elif value is None or value is EMPTY:
            continue
        kept[key] = _without_nothing(value, part or {}, root)
    return kept


def _errors(
    configuration: Configuration, at: KeyPath, part: Any, validator: Validator
) -> Iterator[tuple[KeyPath, str]]:
    """Everything in a part that its schema does not allow, with paths below `at`."""
    for error in sorted(validator.problems(part), key=lambda error: list(map(str, error.path))):
        for path, text in _explain(error):
            source = configuration.layers.sources.get((*at, *path))
            yield path, text + type_hint(error, source)


def _explain(error: SchemaProblem) -> Iterable[tuple[KeyPath, str]]:
    path: KeyPath = error.path
    rule: Any = error.schema
    purpose = rule.get('description', '') if isinstance(rule, dict) else ''
    if error.keyword == 'additionalProperties' and isinstance(error.instance, dict):
        known = list(rule.get('properties', {}))
        for key in error.instance:
            if key not in known:
                own = error.instance[key]
                yield (*path, str(key)), _unknown_key(str(key), known, own)
    elif (path == () and error.keyword == 'required') or (
        path == ('links',) and not error.instance
    ):
        yield (
            ('links',),
            'no platform is named that could be dialled; give a file by config:=FILE that holds '
            'links: [{name: platform, protocol: xparo, url: "wss://HOST/ws/chatbot"}]',
        )
    else:
        text = error.message
        if len(text) > _LONGEST_TEXT:
            text = text[:_LONGEST_TEXT] + '…'
        yield path, text + (f' ({purpose})' if purpose else '')


def _unknown_key(key: str, known: list[str], value: Any) -> str:
    if key in _SECRETS:
        return (
            'secrets do not stand in configuration files; set XPARO_SECRET_KEY and '
            'XPARO_PROJECT_ID in the environment, or put secret_key and project_id into a file of '
            "mode 0600 that the link's credentials_file names"
        )
    if isinstance(value, dict) and 'ros__parameters' in value:
        return (
            'this is a file of ROS parameters; give it by --ros-args --params-file, and by config '
            "only the bridge's own files"
        )
    near = alike(key, known, 1)
    if ':' in key:
        return f'no such key; write a space after the colon: "{key.replace(":", ": ", 1)}"'
    return 'no such key; ' + (
        f'did you mean "{near[0]}"?' if near else f'known: {", ".join(known)}'
    )


def _fill_defaults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> None:
    """Put the schema's defaults into a tree that has passed its check."""
    schema = _resolved(schema, root)
    if isinstance(value, dict):
        for key, part in schema.get('properties', {}).items():
            if key not in value and isinstance(part, dict) and 'default' in part:
                value[key] = copy.deepcopy(part['default'])
    for child, _, part in _children(value, schema):
        _fill_defaults(child, part, root)


def _expand_paths(
    value: Any,
    schema: dict[str, Any],
    root: dict[str, Any],
    at: KeyPath = (),
    *,
    on_robot: bool,
) -> Iterator[tuple[KeyPath, str]]:
    """Put the home of the user in place of ~ in paths; yield those that cannot be meant so."""
    for child, key, part in _children(value, _resolved(schema, root)):
        here = (*at, key)
        if isinstance(child, str) and part.get('format') == 'path':
            if child.startswith('~'):
                try:
                    value[key] = str(Path(child).expanduser())
                except RuntimeError:
                    if on_robot:
                        yield here, f'{child.partition("/")[0]} is the home of no user here'
            if text := configuration_rules.path_problem(child):
                yield here, text
        yield from _expand_paths(child, part, root, here, on_robot=on_robot)


def _children(value: Any, schema: dict[str, Any]) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Each value of a map or a list, with its key and its schema, where that says something."""
    if isinstance(value, dict):
        for key in list(value):
            part = _part(schema, key)
            if part is not None:
                yield value[key], key, part
    elif isinstance(value, list) and isinstance(schema.get('items'), dict):
        for index, item in enumerate(value):
            yield item, index, schema['items']
