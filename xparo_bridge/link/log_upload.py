# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Send the log lines and metrics of a session to the platform.

While the platform is away, or wants another token, they wait on disk, also over a restart of the
bridge, and are sent in order when it is back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
import contextlib
import time
from typing import Any

from ..json_reader import read_own
from ..json_writer import dumps
from ..messages import LogUpdate
from ..state import Queue
from ..state.writer import HANGS_AFTER
from .backoff import Backoff
from .history import oldest
from .rest import RestClient, RestError, TokenRefused

_PATH = '/api/update-logs/'
_LINE = 8 * 1024  # Longest line, characters; the rest of it is cut.
_WAITING = 16  # Updates in memory while one is being sent.
_LAST_CHANCE = 3.0  # How long the last update may take when the bridge stops, s.


class LogUploader:
    """
    The log sessions of one platform; lives in the link thread's loop.

    `on_problem` is called, once each, with what keeps updates from arriving.
    """

    def __init__(
        self,
        client: RestClient,
        spool: Queue,
        *,
        look_period: float = 1.0,
        backoff: Backoff | None = None,
        on_problem: Callable[[str], None] = lambda problem: None,
    ) -> None:
        """Take the client, where updates wait, and how often to look if it is time to retry, s."""
        self._client = client
        self._spool = spool
        self._look_period = look_period
        self._backoff = backoff or Backoff(
            initial=1.0, maximum=60.0, stable_after=0.0, refused=60.0
        )
        self._on_problem = on_problem
        self._problem = ''
        # To send; a few, as they are sent or put on disk before there are more.
        self._waiting: deque[Mapping[str, Any]] = deque()
        # Being sent from memory; None once it is on disk, before those that came after it.
        self._sending: Mapping[str, Any] | None = None
        # On disk, and sent from memory all the same.
        self._sent: Mapping[str, Any] | None = None
        self._news = asyncio.Event()
        self._retry_at = 0.0
        self._token_refused = False
        # Whether it was asked for what an earlier run left.
        self._looked = False
        self.dropped = 0

    def put(self, update: LogUpdate) -> None:
        """Send an update, now or when the platform takes it."""
        self._waiting.append(
            {
                'session_id': update.session_id,
                **update.resources,
                'logs': [line[:_LINE] for line in update.logs],
            }
        )
        self._news.set()
        if len(self._waiting) > _WAITING:  # The platform is slow to answer.
            self._keep(1)

    async def run(self) -> None:
        """Send until cancelled; what is left then is sent at once or kept on disk."""
        try:
            while True:
                # Not wait_for, which before Python 3.12 may lose a cancellation.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look_period):
                        await self._news.wait()
                self._news.clear()
                if self._may_try:
                    await self._send_all()
                else:
                    self._keep()
        finally:
            if self._may_try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_CHANCE):
                        await self._send_all()
            self._keep()
            self._spool.flush()

    @property
    def _may_try(self) -> bool:
        """Whether it is time to, or there is a new token."""
        return time.monotonic() >= self._retry_at or (
            self._token_refused and self._client.has_token
        )

    async def _send_all(self) -> None:
        """Send what waits, on disk first, until the platform does not take it for now."""
        while True:
            number, update = await self._first_kept()
            if update is None:
                if not self._waiting:
                    return
                update = self._sending = self._waiting.popleft()
            elif update == self._sent:  # It went on disk while it was sent from memory.
                self._sent = None
                self._spool.forget(number)
                continue
            settled = False
            try:
                await self._client.post(_PATH, update)
                settled = True
                self._problem = ''
                self._retry_at = 0.0
                self._backoff.after_connection(0.0)
            except RestError as error:
                settled = not error.passing  # If not, the platform will never take this one.
                self.dropped += settled
                self._failed(error)
            finally:
                if settled and number:
                    self._spool.forget(number)
                elif self._sending is not None and not settled:
                    self._waiting.appendleft(update)
                elif self._sending is None and not number and settled:
                    self._sent = update
                self._sending = None
            if not settled:
                self._keep()
                return

    def _failed(self, error: RestError) -> None:
        self._report(str(error))
        if error.passing:
            self._token_refused = isinstance(error, TokenRefused)
            self._retry_at = time.monotonic() + max(
                self._backoff.wait(self._token_refused), error.retry_after
            )

    async def _first_kept(self) -> tuple[int, Mapping[str, Any] | None]:
        """Number and content of the oldest update on disk, 0 and None if there is none."""
        while len(self._spool) or not self._looked:
            self._looked = True
            before = len(self._spool)
            try:
                async with asyncio.timeout(HANGS_AFTER):
                    number, records = await oldest(self._spool, 1)
            except TimeoutError:  # The disk hangs; what is in memory can be sent all the same.
                break
            if not records:
                if len(self._spool) > before:  # Put there since it was asked.
                    continue
                break
            with contextlib.suppress(ValueError):
                update = read_own(records[0][1])
                if isinstance(update, dict):
                    return number, update
            self._spool.forget(number)  # The disk damaged it.
            self.dropped += 1
        return 0, None

    def _keep(self, count: int | None = None) -> None:
        """Hand updates to the state, all or the first, in order; it waits for no disk."""
        if self._sending is not None:
            self._spool.append(dumps(self._sending))
            self._sending = None
        for _ in range(len(self._waiting) if count is None else count):
            self._spool.append(dumps(self._waiting.popleft()))

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._on_problem(problem)
