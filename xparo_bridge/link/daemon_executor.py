# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Run what waits for a disk or a name server beside the links' loop, in threads nobody waits for.

The standard library's executor is joined when the interpreter ends, for as long as a disk hangs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
import threading
from typing import Any

from ..errors import NotNow

# Threads that may hang at a time: one costs 8 MiB of addresses and some 100 KiB of memory.
MOST = 32


class TooManyWait(NotNow, RuntimeError):
    """So much waits for a disk that hangs that no more is begun."""


class DaemonExecutor(ThreadPoolExecutor):
    """An executor for a loop; each job has a thread of its own, which ends with it."""

    def __init__(self) -> None:
        super().__init__(1)
        self._room = threading.Semaphore(MOST)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """
        Begin a job.

        :raises TooManyWait: if too many are under way.
        """
        if not self._room.acquire(blocking=False):
            raise TooManyWait(f'{MOST} jobs wait for a disk or a name server')
        future: Future[Any] = Future()

        def run() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)
            finally:
                self._room.release()

        threading.Thread(target=run, name='link-io', daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nothing."""
