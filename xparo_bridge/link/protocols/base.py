# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What a protocol adapter is.

An adapter is pure: it turns frames into messages and messages into frames, and does no I/O. One
object serves one link for as long as the bridge runs; `on_open` is called at each connect, so a
protocol that keeps state of a conversation renews it there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
import json
from typing import Any, ClassVar, NoReturn, Self

from ...credentials import Credentials
from ...messages import Outbound, Ping, Pong

Frame = str | bytes


class ProtocolError(Exception):
    """A frame or message that does not fit the protocol: what is wrong and what is right."""


class Protocol(ABC):
    """
    One wire protocol.

    `capabilities` are the message types `encode` can carry; whoever sends another one is told so
    by name before anything is queued.
    """

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[type]]

    @classmethod
    @abstractmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        """Adapter for a link: its entry of `links:` in the configuration, and its secrets."""

    @abstractmethod
    def url(self) -> str:
        """Address to dial, secrets included: never to be printed, see `redacted_url`."""

    @abstractmethod
    def redacted_url(self) -> str:
        """Address as it may be shown."""

    def headers(self) -> dict[str, str]:
        """HTTP headers of the opening handshake."""
        return {}

    def on_open(self) -> Sequence[Frame]:
        """Frames to send first on a new connection."""
        return ()

    @abstractmethod
    def decode(self, frame: Frame) -> Sequence[Any]:
        """
        Messages of one frame, in order.

        Raises ProtocolError, and only that, for anything that does not fit.
        """

    @abstractmethod
    def encode(self, message: Outbound | Pong) -> Sequence[Frame]:
        """Frames that carry one message; ProtocolError for a type outside `capabilities`."""

    def answer(self, message: Any) -> Sequence[Frame]:
        """Frames due at once to an inbound message, before anybody else sees it: a ping's pong."""
        return self.encode(Pong()) if isinstance(message, Ping) else ()

    def _refuse(self, message: object) -> NoReturn:
        carried = ', '.join(sorted(kind.__name__ for kind in self.capabilities))
        raise ProtocolError(
            f'protocol {self.name} cannot carry {type(message).__name__}; it carries {carried}')


def parse_object(frame: Frame) -> dict[str, Any]:
    """JSON object of a text frame, or ProtocolError."""
    if isinstance(frame, bytes):
        raise ProtocolError('a binary frame where a text frame is due')
    try:
        value = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f'not JSON: {error}') from None
    if not isinstance(value, dict):
        raise ProtocolError(f'a JSON object is due, not {_json_type(value)}')
    return value


def take(data: dict[str, Any], key: str, kind: type, where: str, default: Any = ...) -> Any:
    """Value of `key` checked to be of `kind`; without a default a missing one is an error."""
    value = data.get(key, ...)
    if value is ... or (value is None and default is not ...):
        if default is ...:
            raise ProtocolError(f'{where}: "{key}" is missing; a {_NAMES[kind]} is due')
        return default
    if kind is float and type(value) is int:
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ProtocolError(f'{where}: "{key}" is {_json_type(value)}; a {_NAMES[kind]} is due')
    return value


def protocol_names() -> list[str]:
    """Names of the installed protocols."""
    return sorted(point.name for point in entry_points(group='xparo_bridge.protocols'))


def load_protocol(name: str) -> type[Protocol]:
    """Adapter class of an installed protocol, found by entry point; KeyError names what exists."""
    for point in entry_points(group='xparo_bridge.protocols', name=name):
        cls: type[Protocol] = point.load()
        return cls
    raise KeyError(f'no protocol "{name}"; installed: {", ".join(protocol_names())}')


_NAMES: dict[type, str] = {
    str: 'string', dict: 'object', list: 'list', float: 'number', int: 'whole number',
    bool: 'boolean'}


def _json_type(value: object) -> str:
    if value is None:
        return 'null'
    return f'a {_NAMES.get(type(value), type(value).__name__)}'
