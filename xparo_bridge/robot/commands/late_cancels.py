# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Remember cancels that were handed over ahead of the commands they select."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .run import Run

# How many of the last cancels are kept in mind.
_MOST = 64


class LateCancels:
    """The last cancels, by when they were received on the monotonic clock, s."""

    def __init__(self) -> None:
        self._cancels: deque[tuple[float, Callable[[Run[Any]], bool]]] = deque(maxlen=_MOST)

    def add(self, received_at: float, selects: Callable[[Run[Any]], bool]) -> None:
        """Keep a cancel in mind, and which runs it is for."""
        self._cancels.append((received_at, selects))

    def apply_to(self, run: Run[Any]) -> bool:
        """Whether a cancel that was received after a run, but read before it, was for it too."""
        return not run.urgent and any(
            run.command.received_at < received_at and selects(run)
            for received_at, selects in self._cancels
        )
