# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Put values in place of the variables in a configuration's texts.

`${NAME}` in a text is a value of `vars:`, or the robot's id. docs/fleet.md has the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
import re
from typing import Any

from .alike import alike
from .layers import Complain
from .yaml_layers import KeyPath

ROBOT_ID = 'robot_id'
_VARIABLE = re.compile(r'\$(\$?)\{(\w+)\}')
_NAME = re.compile(r'\w+')
# Within one value of vars, values of others.
_DEEPEST = 8
# What must not stand in a variable, which stands in texts that are shown and sent.
_SECRET = re.compile(r'secret|password|passwd|token|api_?key|credential', re.IGNORECASE)


class Variables:
    """The values of `vars:` and the robot's id, in place of `${NAME}` in texts."""

    def __init__(self, values: Mapping[str, Any], robot_id: str, complain: Complain) -> None:
        self._raw = {**values, ROBOT_ID: robot_id}
        self._complain = complain
        self._done: dict[str, Any] = {ROBOT_ID: robot_id}
        for name in values:
            at = ('vars', name)
            if not _NAME.fullmatch(name) or name == ROBOT_ID:
                complain(at, 'expected a name of letters, digits and underscores, not robot_id')
            elif _SECRET.search(name):
                complain(
                    at,
                    'secrets do not stand in configuration files; name the file that has them by '
                    "the link's credentials_file",
                )
            elif isinstance(values[name], dict | list):
                complain(at, 'expected a text, a number, true or false')

    def in_tree(self, tree: dict[str, Any]) -> dict[str, Any]:
        """
        Return a tree with all variables replaced; what has none is shared, not copied.

        A command's own parameters, which stand in its templates in the same way, go before.
        """
        replaced = {}
        for key, value in tree.items():
            if key == 'commands' and isinstance(value, dict):
                replaced[key] = {
                    name: self._in(entry, (key, name), _parameters(entry))
                    for name, entry in value.items()
                }
            else:
                replaced[key] = self._in(value, (key,), None)
        return replaced

    def _in(self, value: Any, at: KeyPath, parameters: frozenset[str] | None) -> Any:
        if isinstance(value, str):
            return self._text(value, at, parameters) if '${' in value else value
        if isinstance(value, dict):
            return {key: self._in(part, (*at, key), parameters) for key, part in value.items()}
        if isinstance(value, list):
            return [self._in(part, (*at, index), parameters) for index, part in enumerate(value)]
        return value

    def _text(self, text: str, at: KeyPath, parameters: frozenset[str] | None) -> Any:
        alone = _VARIABLE.fullmatch(text)
        if alone and not alone[1] and self._known(alone[2], parameters):
            return self._value(alone[2], at)  # With its type.

        def replacement(match: re.Match[str]) -> str:
            if match[1]:  # In a command the template reads this.
                return match[0] if parameters is not None else match[0][1:]
            if not self._known(match[2], parameters):
                if parameters is None:
                    self._complain(at, self._unknown(match[2]))
                return match[0]
            value = self._value(match[2], at)
            return str(value).lower() if isinstance(value, bool) else str(value)

        return _VARIABLE.sub(replacement, text)

    def _known(self, name: str, parameters: frozenset[str] | None) -> bool:
        return name in self._raw and name not in (parameters or ())

    def _unknown(self, name: str) -> str:
        near = alike(name, list(self._raw), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        return (
            f'no variable {name}: there are {", ".join(sorted(self._raw))}; others stand under '
            f'vars:, those of the environment are not read{hint}'
        )

    def _value(self, name: str, at: KeyPath, depth: int = 0) -> Any:
        if name in self._done:
            return self._done[name]
        value = self._raw[name]
        if depth > _DEEPEST:
            self._complain(('vars', name), 'a variable that stands for itself')
            return ''
        if isinstance(value, str) and '${' in value:

            def inner(match: re.Match[str]) -> str:
                if match[1]:
                    return match[0][1:]
                if match[2] not in self._raw:
                    self._complain(('vars', name), self._unknown(match[2]))
                    return match[0]
                return str(self._value(match[2], at, depth + 1))

            value = _VARIABLE.sub(inner, value)
        return self._done.setdefault(name, value)


def _parameters(entry: Any) -> frozenset[str]:
    """Names of the parameters that a command declares."""
    declared = entry.get('parameters') if isinstance(entry, dict) else None
    return frozenset(declared) if isinstance(declared, dict) else frozenset()
