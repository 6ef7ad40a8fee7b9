# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Who looks at the console: a person, that person's feed, and what they set for themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import secrets
import time

from .driving import Drivers
from .feed import Connect, Feed

LASTS = 12 * 3600.0  # s without a page, after which a person shows the token again
MOST = 200


@dataclass
class Session:
    """One person in one browser."""

    key: str
    feed: Feed
    running: asyncio.Task[None]
    dark: bool | None = None  # None: as the browser has it
    zone: str = ''
    used: float = field(default_factory=time.monotonic)
    signed_in: bool = False  # by a token, so that one can sign out
    drivers: Drivers = field(default_factory=dict)  # those of its pages, by their keys


class Sessions:
    """All sessions; `connect` makes a person's connection of a token, the owner's without one."""

    def __init__(self, connect: Callable[[str], Connect]) -> None:
        self._connect = connect
        self._by_key: dict[str, Session] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def begin(self, token: str = '') -> Session:
        """Let a person in, whose token was tried, or the owner."""
        self._forget_old()
        feed = Feed(self._connect(token))
        running = asyncio.get_running_loop().create_task(feed.run())
        session = Session(secrets.token_urlsafe(32), feed, running, signed_in=bool(token))
        self._by_key[session.key] = session
        return session

    def find(self, key: str) -> Session | None:
        """Session of a cookie's key."""
        session = self._by_key.get(key)
        if session is not None:
            if session.feed.is_turned_away or time.monotonic() - session.used > LASTS:
                self.end(key)
                return None
            session.used = time.monotonic()
        return session

    def end(self, key: str) -> None:
        """Forget a session, and close its connection."""
        session = self._by_key.pop(key, None)
        if session is not None:
            session.running.cancel()
            for driver in session.drivers.values():
                self._closing.add(closing := asyncio.ensure_future(driver.close()))
                closing.add_done_callback(self._closing.discard)

    def end_all(self) -> None:
        """Close every connection."""
        for key in list(self._by_key):
            self.end(key)

    def _forget_old(self) -> None:
        by_use = sorted(self._by_key.values(), key=lambda session: session.used)
        for session in by_use[: max(0, len(by_use) - MOST + 1)]:
            self.end(session.key)
