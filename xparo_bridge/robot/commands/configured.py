# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Make the commands of the configuration, of the kinds that are installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ...configuration import Configuration, ConfigurationError
from ...ros.entities import TypeConflict
from .kind import Kind, Robot, SettingsError

# The group of entry points in which kinds are found; other packages may add theirs.
GROUP = 'xparo_bridge.commands'


def _at(
    configuration: Configuration, path: tuple[str, ...], error: SettingsError
) -> Iterator[str]:
    for at, text in error.found:
        yield configuration.problem((*path, *at), text)


def _also_wrong(
    configuration: Configuration, path: tuple[str, ...], cls: type[Kind[Any]], robot: Robot
) -> list[str]:
    """Return what of a command's templates is wrong beside what its schema does not allow."""
    if 'parameters' not in cls.settings_schema['properties']:
        return []
    rest, left_out = configuration.rest_of_section(path, cls.settings_schema)
    if rest is None:
        return []
    try:
        cls(path[-1], rest, robot)
    except SettingsError as error:
        right = [(at, text) for at, text in error.found if at[0] not in left_out]
        return [configuration.problem((*path, *at), text) for at, text in right]
    except (TypeConflict, ConfigurationError):
        pass  # To be found when the rest is right.
    return []


def make_kinds(configuration: Configuration, robot: Robot) -> dict[str, Kind[Any]]:
    """
    Make each command of the configuration.

    :raises ConfigurationError: with all that cannot work.
    """
    installed = {point.name: point for point in entry_points(group=GROUP)}
    kinds: dict[str, Kind[Any]] = {}
    problems: list[str] = []
    for name, settings in configuration['commands'].items():
        path = ('commands', name)
        point = installed.get(settings['kind'])
        if point is None:
            text = f'no such kind; known: {", ".join(sorted(installed))}'
            if (Path(__file__).parent / 'kinds' / f'{settings["kind"]}.py').is_file():
                text += (
                    '; its file is there, but no entry point yet: put a line for it into '
                    "setup.py, in 'xparo_bridge.commands', and run `make environment`"
                )
            problems.append(configuration.problem((*path, 'kind'), text))
            continue
        try:
            cls: type[Kind[Any]] = point.load()
            kinds[name] = cls(name, configuration.section(path, cls.settings_schema), robot)
        except SettingsError as error:
            problems += _at(configuration, path, error)
        except TypeConflict as error:
            key = tuple(key for key in ('topic', 'service', 'action') if key in settings)[:1]
            problems.append(configuration.problem((*path, *key), str(error)))
        except ConfigurationError as error:
            problems += error.problems
            problems += _also_wrong(configuration, path, cls, robot)
    if problems:
        raise ConfigurationError(problems)
    named = {
        robot.node.resolve_topic_name(name)
        for kind in kinds.values()
        for name in kind.motion_actions
    }
    for kind in kinds.values():
        kind.learn_motion_actions(named)
    return kinds
