# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How do log lines and metrics of a session reach the platform.

`log_updated` opens a session; until the next one, lines and metrics go to `/api/update-logs/` in
batches. While the platform is away, or wants another token, batches wait on disk, also over a
restart of the bridge, and are sent in order when it is back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
import contextlib
import time
from typing import Any

from .backoff import Backoff
from .rest import RestClient, RestError, TokenRefused
from .spool import Spool

METRICS = ('cpu_usage', 'memory_usage', 'disk_usage')

_PATH = '/api/update-logs/'
_LINE = 8 * 1024      # Longest line, characters; the rest of it is cut.
_CLOSED = 16          # Batches in memory while one is being sent.
_LAST_CHANCE = 3.0    # How long the last batch may take when the bridge stops, s.


class LogUploader:
    """
    The log session of one platform; lives in the link thread's loop.

    A batch goes every `period` seconds, or when it has `lines` lines. `on_problem` is told, once
    each, what keeps batches from arriving.
    """

    def __init__(self, client: RestClient, spool: Spool, *, period: float = 5.0, lines: int = 500,
                 backoff: Backoff | None = None,
                 on_problem: Callable[[str], None] = lambda problem: None) -> None:
        """Take the client, and where batches wait."""
        self._client = client
        self._spool = spool
        self._period = period
        self._lines = lines
        self._backoff = backoff or Backoff(
            initial=1.0, maximum=60.0, stable_after=0.0, refused=60.0)
        self._on_problem = on_problem
        self._problem = ''
        self._session = ''
        self._waiting: list[str] = []
        self._metrics: dict[str, Any] = {}
        # Batches to send; a few, as they are sent or put on disk before there are more.
        self._closed: deque[Mapping[str, Any]] = deque()
        self._full = asyncio.Event()
        self._retry_at = 0.0
        self._token_refused = False
        self.dropped = 0

    def open(self, session_id: str) -> None:
        """Begin a session; what waits of the one before still belongs to that one."""
        if session_id != self._session:
            self._close_batch()
            self._session = session_id

    def end(self) -> None:
        """End the session; its last batch is sent, and nothing after it."""
        self._close_batch()
        self._session = ''

    def add(self, lines: Sequence[str]) -> None:
        """Add lines to the session; without one they are nobody's."""
        if not self._session:
            return
        self._waiting.extend(line[:_LINE] for line in lines)
        if len(self._waiting) >= self._lines:
            self._close_batch()

    def add_metrics(self, values: Mapping[str, Any]) -> None:
        """Note the metrics among some telemetry; a batch carries the newest."""
        self._metrics.update((key, values[key]) for key in METRICS if key in values)

    def _close_batch(self) -> None:
        if self._session and (self._waiting or self._metrics):
            self._closed.append({
                'session_id': self._session, **self._metrics, 'logs': self._waiting})
            self._waiting, self._metrics = [], {}
            self._full.set()
            if len(self._closed) > _CLOSED:  # The platform is slow to answer.
                self._closed.popleft()
                self.dropped += 1

    async def run(self) -> None:
        """Send batches until cancelled; what is left then is sent at once or kept on disk."""
        try:
            while True:
                # Not wait_for, which before Python 3.12 may lose a cancellation.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._period):
                        await self._full.wait()
                self._full.clear()
                self._close_batch()
                if time.monotonic() >= self._retry_at or (
                        self._token_refused and self._client.has_token):
                    await self._send_all()
                else:
                    self._keep()
        finally:
            self._close_batch()
            if time.monotonic() >= self._retry_at:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_CHANCE):
                        await self._send_all()
            self._keep()

    async def _send_all(self) -> None:
        """Send what waits, on disk first, until the platform does not take it for now."""
        while True:
            batch = self._spool.first()
            from_disk = batch is not None
            if batch is None:
                if not self._closed:
                    return
                batch = self._closed.popleft()
            settled = False
            try:
                await self._client.post(_PATH, batch)
                settled = True
                self._problem = ''
                self._backoff.after_connection(0.0)
            except RestError as error:
                settled = not error.passing  # If not, the platform will never take this one.
                self.dropped += settled
                self._failed(error)
            finally:
                if settled and from_disk:
                    self._spool.remove_first()
                elif not settled and not from_disk:
                    self._closed.appendleft(batch)
            if not settled:
                self._keep()
                return

    def _failed(self, error: RestError) -> None:
        self._tell(str(error))
        if error.passing:
            self._token_refused = isinstance(error, TokenRefused)
            self._retry_at = time.monotonic() + max(
                self._backoff.wait(self._token_refused), error.retry_after)

    def _keep(self) -> None:
        """Move batches to the disk; they are small and go to the page cache, so at once."""
        while self._closed:
            try:
                self._spool.add(self._closed.popleft())
            except OSError as error:
                self.dropped += 1
                self._tell(f'log lines cannot be kept on disk: {error.strerror}')

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._on_problem(problem)
