# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Configuration: YAML files in layers, checked against config/schema.json.

Later files win; maps merge key by key, lists and values replace. Defaults stand in the schema and
nowhere else. Every error names the file, the line and the key; all of them are told at once.
docs/configuration.md is the user's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import copy
from dataclasses import dataclass, field
import difflib
import json
import math
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import yaml

from .errors import BadInput
from .share import share

KeyPath = tuple[str | int, ...]


class ConfigurationError(BadInput):
    """One or more problems, each `file:line: key: what is wrong and what would be right`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__('\n'.join(self.problems))


@dataclass(frozen=True)
class Configuration:
    """The merged tree; `places` of keys lead back to the file and line they came from."""

    data: dict[str, Any]
    lines: dict[KeyPath, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def where(self, path: Sequence[str | int]) -> str:
        """Return `file:line` of a key, or of the nearest key above it that a file has."""
        steps = tuple(path)
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 'configuration')

    def section(self, path: KeyPath, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a part of the tree, checked against its own schema and with its defaults."""
        part: Any = self.data
        for step in path:
            part = part[step]
        _check(self, path, part, schema)
        part = copy.deepcopy(part)
        _fill_defaults(part, schema, schema)
        return dict(part)

    def problem(self, path: Sequence[str | int], text: str) -> str:
        """Return one problem as ConfigurationError lists it."""
        return f'{self.where(path)}: {key_text(path)}: {text}'

    def refuse(self, path: Sequence[str | int], text: str) -> NoReturn:
        """Raise ConfigurationError with one problem."""
        raise ConfigurationError([self.problem(path, text)])


def load(files: Sequence[str | Path], schema: dict[str, Any] | None = None) -> Configuration:
    """Read, merge and check the files in the order given; ConfigurationError says all problems."""
    merged: Any = {}
    lines: dict[KeyPath, str] = {}
    problems: list[str] = []
    for file in files:
        try:
            tree = _read(Path(file), lines, problems)
        except OSError as error:
            problems.append(f'{file}: cannot be read: {error.strerror}')
            continue
        merged = merge(merged, tree)
    if problems:
        raise ConfigurationError(problems)
    return checked(merged, lines, schema)


def checked(
    tree: dict[str, Any],
    lines: dict[KeyPath, str] | None = None,
    schema: dict[str, Any] | None = None,
) -> Configuration:
    """Return the configuration of a tree, with its defaults; ConfigurationError."""
    if schema is None:
        schema = json.loads(share('config', 'schema.json').read_text())
    configuration = Configuration(tree, lines or {})
    _check(configuration, (), tree, schema)
    _fill_defaults(tree, schema, schema)
    return configuration


def merge(below: Any, above: Any) -> Any:
    """Lay one tree over another: maps merge, everything else replaces."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merge(below.get(key), value) for key, value in above.items()}}
    return above


def key_text(path: Sequence[str | int]) -> str:
    """Return a path as users write it: `links[0].url`."""
    text = ''
    for step in path:
        text += f'[{step}]' if isinstance(step, int) else f'.{step}' if text else str(step)
    return text or '(top level)'


def _read(path: Path, lines: dict[KeyPath, str], problems: list[str]) -> dict[str, Any]:
    try:
        root = yaml.compose(path.read_text(encoding='utf-8'), Loader=yaml.SafeLoader)
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            problems.append(f'{path}:1: the file holds no map; expected "key: value" lines')
            return {}
        # Duplicate keys are refused: YAML would keep the last one in silence.
        _note_lines(root, (), path, lines, problems)
        tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding='utf-8'))
        return tree
    except UnicodeDecodeError:
        problems.append(f'{path}: not UTF-8 text')
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.append(f'{path}:{line}: not YAML: {error.problem}')
    except yaml.YAMLError as error:
        problems.append(f'{path}: not YAML: {error}')
    except RecursionError:
        problems.append(f'{path}: nested too deeply, or an alias that holds itself')
    return {}


def _note_lines(
    node: yaml.Node, at: KeyPath, file: Path, lines: dict[KeyPath, str], problems: list[str]
) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            place = f'{file}:{key.start_mark.line + 1}'
            if not isinstance(key, yaml.ScalarNode):
                problems.append(f'{place}: {key_text(at)}: a key must be plain text')
                continue
            if key.value in seen:
                problems.append(f'{place}: {key_text((*at, key.value))}: the key stands twice')
            seen.add(key.value)
            lines[(*at, key.value)] = place
            _note_lines(value, (*at, key.value), file, lines, problems)
    elif isinstance(node, yaml.SequenceNode):
        # A list replaces the list below it, so nothing of that one's lines may stay.
        for path in [path for path in lines if path[: len(at)] == at and len(path) > len(at)]:
            del lines[path]
        for index, value in enumerate(node.value):
            lines[(*at, index)] = f'{file}:{value.start_mark.line + 1}'
            _note_lines(value, (*at, index), file, lines, problems)


def _check(configuration: Configuration, at: KeyPath, part: Any, schema: dict[str, Any]) -> None:
    """Raise ConfigurationError with everything in a part that its schema does not allow."""
    validator = _Validator(schema)
    errors = sorted(validator.iter_errors(part), key=lambda error: list(map(str, error.path)))
    problems = [
        configuration.problem((*at, *path), text)
        for error in errors
        for path, text in _explain(error)
    ]
    if problems:
        raise ConfigurationError(problems)


def _is_number(checker: Any, value: Any) -> bool:
    """Whether a value is a number that one can reckon with: YAML also has .nan and .inf."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine('number', _is_number),
)


def _explain(error: jsonschema.ValidationError) -> Iterable[tuple[KeyPath, str]]:
    path: KeyPath = tuple(error.absolute_path)
    rule: Any = error.schema
    purpose = rule.get('description', '') if isinstance(rule, dict) else ''
    if error.validator == 'additionalProperties' and isinstance(error.instance, dict):
        known = list(rule.get('properties', {}))
        for key in error.instance:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f'did you mean "{near[0]}"?' if near else f'known: {", ".join(known)}'
                yield (*path, str(key)), f'no such key; {hint}'
    else:
        yield path, error.message + (f' ({purpose})' if purpose else '')


def _fill_defaults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> None:
    """Put the schema's defaults into a tree that has passed its check."""
    while '$ref' in schema:
        target: Any = root
        for step in schema['$ref'].removeprefix('#/').split('/'):
            target = target[step]
        schema = target
    if isinstance(value, dict):
        for key, part in schema.get('properties', {}).items():
            if key not in value and isinstance(part, dict) and 'default' in part:
                value[key] = copy.deepcopy(part['default'])
            if key in value and isinstance(part, dict):
                _fill_defaults(value[key], part, root)
        rest = schema.get('additionalProperties')
        if isinstance(rest, dict):
            for key in value.keys() - schema.get('properties', {}).keys():
                _fill_defaults(value[key], rest, root)
    elif isinstance(value, list) and isinstance(schema.get('items'), dict):
        for item in value:
            _fill_defaults(item, schema['items'], root)
