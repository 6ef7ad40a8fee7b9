# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Bring what was committed to the disk, in a thread of its own: a slow disk delays no commit.

A commit writes to the log of state.sqlite (WAL), which survives the end of the process. Only the
sync of that log makes it survive a power cut.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import threading
import time

from .database import sync_log

# Memory cards take seconds for a sync now and then, s.
_SYNC_REPORTED_AFTER = 10.0


class DiskSync:
    """Syncs the log; asked while it does, it does so once more afterwards."""

    def __init__(self, failed: Callable[[OSError], object]) -> None:
        self._failed = failed
        self._path: Path | None = None
        self._requested = threading.Event()
        self._since: float | None = None
        self._error = ''
        self._ending = False
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> str:
        """Why what is written may not survive a power cut, empty if it does."""
        since = self._since
        if since is not None and (took := time.monotonic() - since) > _SYNC_REPORTED_AFTER:
            return f'the disk has not answered for {took:.0f} s'
        return self._error

    def request(self, path: Path) -> None:
        """Bring to the disk what was committed until now."""
        self._path = path
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name='state-sync', daemon=True)
            self._thread.start()
        self._requested.set()

    def close(self) -> None:
        """End the thread, once the disk answers."""
        self._ending = True
        self._requested.set()

    def _run(self) -> None:
        while not self._ending:
            self._requested.wait()
            self._requested.clear()
            assert self._path is not None
            self._since = time.monotonic()
            try:
                sync_log(self._path)
                self._error = ''
            except OSError as error:
                if not self._error:
                    self._failed(error)
                self._error = error.strerror or str(error)
            self._since = None
