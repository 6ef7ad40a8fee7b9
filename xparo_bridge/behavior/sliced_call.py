# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Runs a call piece by piece, though it is written in one go: the tick of a large tree.

The call runs on a thread of its own, which only goes on while its owner waits for it: the two
never run at the same time, so the call may do all that its owner may. At a checkpoint, once its
time is over, it stands still until the owner lets it go on.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
import threading
import time


class Aborted(BaseException):
    """Ends a call at its checkpoint; no `Exception`, so that nothing on the way catches it."""


class SlicedCall:
    """Calls one thing after another in slices; all methods but `checkpoint` are the owner's."""

    def __init__(self, name: str) -> None:
        """`name` is the thread's, which starts with the first call."""
        self._name = name
        self._thread: threading.Thread | None = None
        self._go: SimpleQueue[Callable[[], None] | bool | None] = SimpleQueue()
        self._back: SimpleQueue[bool] = SimpleQueue()
        self._end = float('inf')
        self._error: BaseException | None = None
        self.is_open = False  # Whether a call has begun and not ended.

    def run(self, call: Callable[[], None], seconds: float) -> bool:
        """
        Begin a call, or go on with the one that is open; whether it has ended.

        What it raises is raised here.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        done = self._switch(True if self.is_open else call, seconds)
        self.is_open = not done
        error, self._error = self._error, None
        if error is not None:
            raise error
        return done

    def abort(self) -> None:
        """End an open call where it stands."""
        while self.is_open:
            self.is_open = not self._switch(False, 0.0)
            self._error = None

    def close(self) -> None:
        """End the thread."""
        self.abort()
        if self._thread is not None:
            self._go.put(None)
            self._thread.join()
            self._thread = None

    def checkpoint(self) -> None:
        """Stand still if the time is over; called within the call."""
        if time.monotonic() <= self._end:
            return
        self._back.put(False)
        if not self._go.get():
            raise Aborted

    def _switch(self, what: Callable[[], None] | bool, seconds: float) -> bool:
        self._end = time.monotonic() + seconds
        self._go.put(what)
        done = self._back.get()
        # A checkpoint passed outside of a slice, by a node that is halted, never stands still.
        self._end = float('inf')
        return done

    def _work(self) -> None:
        while callable(call := self._go.get()):
            try:
                call()
            except Aborted:
                pass
            except BaseException as error:
                self._error = error
            self._back.put(True)
