# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The documentation's page of what other packages can add, and what there is already."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
import inspect
import pkgutil
from typing import Any

NODES = """
## `xparo_bridge.behavior_nodes`

A module whose nodes behaviour trees may use; [behavior trees](behavior-trees.md) has an example.
The package itself registers none this way.
"""


def first_line(thing: Any) -> str:
    """Return the line of a docstring that says what a thing is."""
    return (inspect.getdoc(thing) or '').partition('\n')[0].replace('|', '\\|')


def points(group: str) -> list[tuple[str, Any]]:
    """Return the entry points of a group that are the package's own: name and class."""
    return [
        (point.name, point.load())
        for point in sorted(entry_points(group=group))
        if point.value.startswith('xparo_bridge.')
    ]


def table(head: str, rows: list[tuple[str, str, str]]) -> list[str]:
    """Return a Markdown table of three columns."""
    return [head, '|---|---|---|', *(f'| `{a}` | {b} | `{c}` |' for a, b, c in rows)]


def kinds() -> list[str]:
    """Return a table of the kinds of commands, and one of each kind's own settings."""
    from xparo_bridge.robot.commands import kind as common

    shared = set(common.settings()['properties'])
    found = points('xparo_bridge.commands')
    lines = table(
        '| kind | what it does | class |',
        [(name, first_line(cls), f'{cls.__module__}:{cls.__name__}') for name, cls in found],
    )
    for name, cls in found:
        own = {
            key: part
            for key, part in cls.settings_schema['properties'].items()
            if key not in shared
        }
        if own:
            lines += ['', f'### Settings of kind `{name}`', '', '| key | meaning |', '|---|---|']
            lines += [
                f'| `{key}` | {part.get("description", "").replace("|", chr(92) + "|")} |'
                for key, part in sorted(own.items())
            ]
    return lines


def protocols() -> list[str]:
    """Return a table of the protocols."""
    return table(
        '| protocol | what it speaks | class |',
        [
            (name, first_line(import_module(cls.__module__)), f'{cls.__module__}:{cls.__name__}')
            for name, cls in points('xparo_bridge.protocols')
        ],
    )


def groups() -> list[str]:
    """Return a table of the groups of telemetry, one a module."""
    import xparo_bridge.robot.telemetry.groups as package

    return table(
        '| group | what it reports | module |',
        [
            (
                info.name,
                first_line(import_module(f'{package.__name__}.{info.name}')),
                f'{package.__name__}.{info.name}',
            )
            for info in pkgutil.iter_modules(package.__path__)
            if not info.name.startswith('_')
        ],
    )


def page() -> str:
    """Return the whole page."""
    return '\n'.join(
        [
            '# Extension points',
            '',
            'A package of yours adds to the bridge by an entry point in its `setup.py`;',
            'nothing of the bridge changes.',
            '[Contributing](contributing.md) has a worked example of each.',
            '',
            '## `xparo_bridge.commands`',
            '',
            'A kind of command, named by `kind:` of an entry of `commands:`.',
            '[Commands](commands.md) is the page for their users.',
            '',
            *kinds(),
            '',
            '## `xparo_bridge.protocols`',
            '',
            'A wire protocol, named by `protocol:` of a link.',
            '[A protocol of your own](new-protocol.md) shows one.',
            '',
            *protocols(),
            NODES,
            '## Groups of telemetry',
            '',
            'A group is a module of the bridge; any topic can be sent without one:',
            '[telemetry](telemetry.md).',
            '',
            *groups(),
            '',
        ]
    )
