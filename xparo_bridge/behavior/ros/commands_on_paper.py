# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What a configuration says of its commands, for checks of trees where no robot runs.

Kinds of commands are plug-ins: they are found by their entry points, as the bridge does.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from ...alike import alike
from ...configuration import Configuration, ConfigurationError
from ...json_schema import SchemaError, Validator
from ...json_schema.defaults import defaults_of
from ...json_schema.words import placed_sentence
from ..manifest import Doubt
from .robot_commands import NamedCommands

# The group of entry points in which kinds are found.
GROUP = 'xparo_bridge.commands'
_MOST = 10  # problems of one command


class CommandsOnPaper(NamedCommands):
    """Commands of a configuration with their parameters, and its places."""

    def __init__(self, configuration: Configuration) -> None:
        """
        Take them; of a kind that is not installed here only the name is known.

        :raises ConfigurationError: for settings that their kind does not take.
        """
        super().__init__(configuration['commands'])
        self._places: Mapping[str, Any] = configuration['places']
        self._kinds: dict[str, tuple[Any, Mapping[str, Any], Validator]] = {}
        kinds = {point.name: point for point in entry_points(group=GROUP)}
        problems: list[str] = []
        for name, entry in configuration['commands'].items():
            path = ('commands', name)
            if entry['kind'] not in kinds:
                continue
            kind = kinds[entry['kind']].load()
            try:
                settings = configuration.section(path, kind.settings_schema)
                schema = kind.parameters_schema(settings)
                defaults = {**defaults_of(schema), **settings['defaults']}
                self._kinds[name] = kind, defaults, Validator(schema)
            except ConfigurationError as error:
                problems += error.problems
            except SchemaError as error:
                problems.append(configuration.problem((*path, 'parameters'), str(error)))
        if problems:
            raise ConfigurationError(problems)

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        if command not in self._kinds:
            return super().problems(command, parameters)
        kind, defaults, validator = self._kinds[command]
        whole = {**defaults, **parameters}
        found = [
            f'{command}: {placed_sentence(problem)}'
            for problem in validator.problems(whole, _MOST)
        ]
        return found or [
            self._unknown(place) for place in kind.places_in(whole) if place not in self._places
        ]

    def _unknown(self, place: str) -> str:
        near = alike(place, sorted(self._places), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        # The command save_place may have kept one on the robot.
        return Doubt(f'there is no place "{place}" in the configuration{hint}')
