# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Count and log the faults of the bridge itself: exceptions that nobody foresaw.

Whatever calls our code from outside (a link's message, a callback of ROS, a task of a link) ends
at a wall, which notes the fault here and goes on. Each kind (where it happened and the class of
the exception) is logged once a minute with its count, redacted; all are counted.
"""

from __future__ import annotations

from collections.abc import Callable
import logging
import threading
import time
import traceback

from .redaction import redacted

# s between two lines in the log about one kind.
_QUIET = 60.0
# A kind holds a name and a class; more than these are counted together.
_MAX_KINDS = 100
_OTHERS = 'others'
# Characters of a traceback: the innermost frames say the most, a RecursionError has a thousand.
_MAX_TRACE = 4000
_FRAMES = 12


class Faults:
    """All faults of this process; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._logged: dict[str, tuple[float, int]] = {}
        self._log: Callable[[str], object] = logging.getLogger('xparo_bridge').error
        self.total = 0

    def log_to(self, log: Callable[[str], object]) -> None:
        """Write lines with `log` from now on; it must be callable from any thread."""
        self._log = log

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind happened; at most 101 kinds."""
        with self._lock:
            return dict(self._counts)

    def forget(self) -> None:
        """Begin to count anew, as a process does that has just started."""
        with self._lock:
            self._counts.clear()
            self._logged.clear()

    def note(self, where: str, error: BaseException) -> str:
        """
        Count a fault and log it unless its kind was logged within the last minute.

        Raises nothing, whatever the exception is. Returns what may be said to a peer, redacted.
        """
        self.total += 1
        try:
            return self._note(where, error)
        except BaseException:  # Out of memory or out of stack: the count is what is left.
            return 'internal error'

    def _note(self, where: str, error: BaseException) -> str:
        name = type(error).__name__
        with self._lock:
            kind = f'{where}: {name}'
            if kind not in self._counts and len(self._counts) >= _MAX_KINDS:
                kind = _OTHERS
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            logged_at, logged = self._logged.get(kind, (-_QUIET, 0))
            now = time.monotonic()
            again = now - logged_at >= _QUIET
            if again:
                self._logged[kind] = now, count
        text = redacted(f'{name}: {_text(error)}'[:500])
        if again:
            more = f' ({count} times, {count - logged} since the last line)' if logged else ''
            frames = traceback.format_exception(error, limit=-_FRAMES, chain=False)
            trace = ''.join(frames)[-_MAX_TRACE:]
            self._log(redacted(f'fault in {where}{more}: {text}\n{trace}'.rstrip()))
        return text


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # An exception that cannot say what it is.
        return '(without a text)'


FAULTS = Faults()
