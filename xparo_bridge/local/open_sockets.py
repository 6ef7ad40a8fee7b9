# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Keep the open connections of persons with a token, to close them once it counts no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .platform_people import Person


class OpenSockets:
    """Connections by the person whose they are."""

    def __init__(self) -> None:
        self._sockets_of: dict[Person, set[Any]] = {}
        self._closing: set[asyncio.Future[Any]] = set()

    @contextmanager
    def of(self, person: Person, socket: Any) -> Iterator[None]:
        """Keep a connection as long as this lasts."""
        sockets = self._sockets_of.setdefault(person, set())
        sockets.add(socket)
        try:
            yield
        finally:
            sockets.discard(socket)
            if not sockets:
                self._sockets_of.pop(person, None)

    def send_away(self, whom: Callable[[Person], bool]) -> None:
        """Close the connections of the persons of whom `whom` says so."""
        for person, sockets in list(self._sockets_of.items()):
            if whom(person):
                for socket in list(sockets):
                    closing = asyncio.ensure_future(
                        socket.close(1008, f'the token of {person.name} counts no more')
                    )
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)
