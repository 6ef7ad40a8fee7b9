# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check the configurations of many robots, as far as that can be done without ROS.

Each layer and each part of a configuration that robots share is looked at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import functools
import json
from typing import Any

from ..alike import alike
from ..configuration import Configuration, ConfigurationError
from ..credentials import Credentials
from ..json_reader import read_own
from ..link.links import unencrypted
from ..link.protocols.base import load_protocol, ProtocolError
from ..robot.links.roles import LinkRoles
from ..share import share
from ..yaml_layers import KeyPath, Problem

Found = list[tuple[KeyPath, str]]
# The robot's credentials are not here; no protocol looks at what they are.
_CREDENTIALS = Credentials('secret', 'project')


class Checks:
    """Looks at configurations that fit config/schema.json."""

    def __init__(self) -> None:
        schemas = read_own(share('config', 'command_kinds.json').read_bytes())
        self._kinds: Mapping[str, Any] = schemas
        self._commands: dict[tuple[str, str], Found] = {}
        # Where protocols are installed is looked up in the file system.
        self._protocol = functools.cache(load_protocol)
        # Kinds of other packages, which cannot be looked at here.
        self.unknown_kinds: set[str] = set()

    def problems(self, configuration: Configuration) -> list[str]:
        """Return what is wrong with one, each with its place."""
        found = [
            configuration.problem(path, words)
            for path, words in (
                *self._of_commands(configuration),
                *self._of_links(configuration),
                *self._of_link_loss(configuration),
            )
        ]
        return found

    def _of_commands(self, configuration: Configuration) -> Iterator[tuple[KeyPath, str]]:
        installed = None
        for name, entry in configuration['commands'].items():
            schema = self._kinds.get(entry['kind'])
            if schema is None:
                installed = _installed_kinds() if installed is None else installed
                if entry['kind'] in installed:
                    self.unknown_kinds.add(entry['kind'])
                else:
                    known = sorted({*self._kinds, *installed})
                    near = alike(entry['kind'], known, 1)
                    hint = f'did you mean "{near[0]}"?' if near else f'known: {", ".join(known)}'
                    yield ('commands', name, 'kind'), f'no such kind; {hint}'
                continue
            key = (name, json.dumps(entry, sort_keys=True))
            if key not in self._commands:
                path = ('commands', name)
                self._commands[key] = configuration.section_problems(path, schema)
            yield from self._commands[key]

    def _of_links(self, configuration: Configuration) -> Iterator[tuple[KeyPath, str]]:
        carriers: dict[str, frozenset[type]] = {}
        for index, link in enumerate(configuration['links']):
            path = ('links', index)
            if not link['allow_insecure']:
                for url in unencrypted(link):
                    key = ('url',) if url == link['url'] else ('failover_urls',)
                    yield (
                        (*path, *key),
                        f'{url} would leave the robot unencrypted; use wss://, or set '
                        'allow_insecure: true where the network itself is trusted',
                    )
            try:
                adapter = self._protocol(link['protocol'])
            except KeyError as error:
                yield (*path, 'protocol'), str(error.args[0])
                continue
            try:
                settings = {**link, 'robot_id': configuration.data.get('robot_id', 'robot')}
                made = adapter.configured(settings, _CREDENTIALS)
            except (ProtocolError, KeyError, ValueError) as error:
                yield path, str(error.args[0])
                continue
            carriers[link['name']] = made.capabilities
        if len(carriers) == len(configuration['links']):
            try:
                LinkRoles(configuration, carriers)
            except ConfigurationError as error:
                for problem in error.problems:
                    assert isinstance(problem, Problem)
                    yield tuple(problem.key.split('.')), problem.words

    def _of_link_loss(self, configuration: Configuration) -> Iterator[tuple[KeyPath, str]]:
        loss, known = configuration['link_loss'], configuration['commands']
        orders: dict[KeyPath, Any] = {('link_loss',): loss, ('link_loss', 'back'): loss['back']}
        joystick = configuration['joystick']['command']
        for path, order in {**orders, ('joystick',): {'command': joystick}}.items():
            if order and order['command'] and order['command'] not in known:
                near = alike(order['command'], known, 1)
                hint = f'did you mean "{near[0]}"?' if near else f'known: {", ".join(known)}'
                yield (*path, 'command'), f'no command "{order["command"]}"; {hint}'


def _installed_kinds() -> set[str]:
    from importlib.metadata import entry_points

    return {point.name for point in entry_points(group='xparo_bridge.commands')}
