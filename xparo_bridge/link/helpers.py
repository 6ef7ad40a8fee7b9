# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Threads for what can only be waited for in one: name servers, imports, files.

The standard library's executor joins its threads when the interpreter ends, so a name server that
does not answer would hold up the end of the bridge for as long as it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
import threading
from typing import Any

# Threads at a time; one that hangs is given up, and a link dials again and again.
MAX_THREADS = 32


class Helpers(ThreadPoolExecutor):
    """An executor with a daemon thread for each call; asyncio wants it to be of this class."""

    def __init__(self) -> None:
        super().__init__(1)
        self._room = threading.BoundedSemaphore(MAX_THREADS)

    def submit(
        self, function: Callable[..., Any], /, *arguments: Any, **options: Any
    ) -> Future[Any]:
        """
        Run a call in a thread of its own.

        :raises OSError: where too many threads hang already.
        """
        if not self._room.acquire(blocking=False):
            raise OSError(f'{MAX_THREADS} calls of the system do not come back')
        future: Future[Any] = Future()

        def run() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    try:
                        result = function(*arguments, **options)
                    except BaseException as error:
                        future.set_exception(error)
                    else:
                        future.set_result(result)
            finally:
                self._room.release()

        threading.Thread(target=run, name='link-helper', daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nobody."""
