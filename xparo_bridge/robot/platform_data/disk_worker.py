# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Runs what waits for a disk in a thread of its own, one thing after the other.

A disk may hang for minutes; neither the ROS thread nor the end of the process waits for it. What
waits is bounded in bytes and in number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import threading

MAX_BYTES = 8 * 1024 * 1024
MAX_JOBS = 10_000

Job = Callable[[], object]


class DiskWorker:
    """Jobs in order; `put` may be called from any thread, the jobs run in one."""

    def __init__(
        self,
        name: str,
        on_error: Callable[[BaseException], object],
        idle: Callable[[], float | None] = lambda: None,
    ) -> None:
        """
        Take who hears of a job that raises.

        `idle` runs while no job waits; it says after how long, s, it is to run again, None for
        not before the next job.
        """
        self._on_error = on_error
        self._idle = idle
        self._jobs: deque[tuple[Job, int]] = deque()
        self._bytes = 0
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._name = name

    def put(self, job: Job, size: int = 0) -> bool:
        """Add a job that holds so many bytes; False, and not added, where no more may wait."""
        with self._news:
            if self._bytes + size > MAX_BYTES or len(self._jobs) >= MAX_JOBS:
                return False
            self._jobs.append((job, size))
            self._bytes += size
            self._news.notify()
            if self._thread is None:
                # A daemon: the process ends also while a disk hangs.
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        return True

    def _run(self) -> None:
        wait: float | None = None
        while True:
            with self._news:
                if not self._jobs:
                    self._news.wait(wait)
                job, size = self._jobs.popleft() if self._jobs else (None, 0)
            try:
                if job is not None:
                    job()
                wait = self._idle()
            except Exception as error:
                self._on_error(error)
            del job  # Else it is kept, with all that it holds, until the next one comes.
            with self._news:
                self._bytes -= size
