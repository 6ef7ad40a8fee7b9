# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Connect the ports of a node to entries of its blackboard, and say what does not fit.

The type of an entry depends on where a tree is used: the first typed port connected to an entry
gives it its type, and text may go into any type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from .document import Element
from .errors import BehaviorError, ConversionError, Problem
from .manifest import NodeConfig
from .ports import Direction, is_port_name, pointed_key, Port, remapped_key, STRING

# Takes where a problem is (element and path), what is wrong and what would be right.
Report = Callable[[Element, str, str, str], None]


class PortConnections:
    """Connects the ports of one tree's nodes."""

    def __init__(
        self, builtin_ids: Collection[str], report: Report, warn: Callable[[Problem], None]
    ) -> None:
        """Take the types of the engine's own nodes, and what takes problems and warnings."""
        self._builtin_ids = builtin_ids
        self._report = report
        self._warn = warn

    def connect(self, element: Element, config: NodeConfig) -> None:
        manifest = config.manifest
        used: list[tuple[Port, str]] = []
        for name, text in element.attributes.items():
            if not is_port_name(name):
                continue
            port = manifest.ports.get(name)
            if port is not None:
                # Groot saves a port that is not given as empty text, which no number is.
                is_given = text or config.type_id in self._builtin_ids
                if is_given or not port.type.is_strong or port.type == STRING:
                    used.append((port, text))
            elif manifest.accepts_any_port:
                used.append((Port(name, Direction.INOUT), text))
            else:
                known = ', '.join(sorted(manifest.ports)) or 'none'
                self._report(
                    element,
                    config.path,
                    f'{config.type_id} has no port [{name}]',
                    f'its ports: {known}',
                )
        # Typed ports first: two ports may share an entry, which then has a type.
        for port, text in sorted(used, key=lambda pair: not pair[0].type.is_strong):
            self._check_literal(element, config, port, text)
            self._declare_entry(element, config, port, text)
            if port.direction is not Direction.OUTPUT:
                config.inputs[port.name] = text
            if port.direction is not Direction.INPUT:
                config.outputs[port.name] = text
        for port in manifest.ports.values():
            self._apply_default(element, config, port)

    def _check_literal(self, element: Element, config: NodeConfig, port: Port, text: str) -> None:
        is_pointer = len(text) >= 3 and text[0] == '{' and text[-1] == '}'
        if is_pointer or not port.type.is_strong or port.type.parse is None:
            return
        try:
            port.type.parse(text)
        except ConversionError as error:
            self._report(
                element,
                config.path,
                f'[{port.name}]: {error}',
                f'a value of type {port.type.name}, or an entry such as {{{port.name}}}',
            )

    def _declare_entry(self, element: Element, config: NodeConfig, port: Port, text: str) -> None:
        key = remapped_key(port.name, text)
        if key is None:
            return
        entry = config.blackboard.entry(key)
        if entry is None:
            try:
                config.blackboard.declare(key, port.type)
            except BehaviorError as error:
                self._report(element, config.path, f'[{port.name}]: {error}', '')
        elif (
            entry.type.is_strong and port.type.is_strong and entry.type not in (port.type, STRING)
        ):
            self._report(
                element,
                config.path,
                f'[{port.name}] has the type {port.type.name}, but the entry {{{key}}} '
                f'has the type {entry.type.name}',
                'connect ports of one type, or pass the value through a script',
            )

    def _apply_default(self, element: Element, config: NodeConfig, port: Port) -> None:
        is_input = port.direction is not Direction.OUTPUT
        if port.default:
            if is_input:
                config.inputs.setdefault(port.name, port.default)
            if port.direction is not Direction.INPUT and pointed_key(port.default) is not None:
                config.outputs.setdefault(port.name, port.default)
        elif is_input and port.name not in config.inputs and self._is_needed(config):
            self._warn(
                Problem(
                    f'the port [{port.name}] of {config.type_id} has no value',
                    element.line,
                    config.path,
                    'a tick will fail',
                    element.file,
                    is_warning=True,
                )
            )

    def _is_needed(self, config: NodeConfig) -> bool:
        """Return whether a node cannot be ticked without values for its ports: a builtin can't."""
        return config.type_id in self._builtin_ids and 'Switch' not in config.type_id
