# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Notice two publishers of one frame of tf: two robots that share the topic and their frames.

tf2 takes what comes last, so the frame is now here, now there. No robot leaps to a place and back
within two messages, again and again.
"""

from __future__ import annotations

from collections import deque
import math

Place = tuple[str, tuple[float, float, float]]  # Parent and translation, m.

# What is a leap, and what is back where it was, m.
_LEAP, _BACK = 0.5, 0.1
# So many leaps there and back within so long, s, are of two publishers.
_LEAPS, _WITHIN = 4, 5.0


def disputed(frame: str) -> str:
    """Say what is wrong with such a frame; one publisher may contradict itself as two do."""
    return (
        f'{frame} is put to two different places in turn, by two publishers (give each robot its '
        'own tf or its own frames) or by one that contradicts itself'
    )


class Rivals:
    """The last places of one frame."""

    __slots__ = ('_before', '_last', '_leaps')

    def __init__(self) -> None:
        self._before: Place | None = None
        self._last: Place | None = None
        self._leaps: deque[float] = deque(maxlen=_LEAPS)

    def add(self, place: Place, now: float) -> None:
        """Take where the frame is said to be at a steady time, s."""
        before, last = self._before, self._last
        if last is not None and before is not None:
            if not _near(place, last, _LEAP) and _near(place, before, _BACK):
                self._leaps.append(now)
        self._before, self._last = last, place

    def there(self, now: float) -> bool:
        """Whether the frame is put to two places in turn now."""
        return len(self._leaps) == _LEAPS and now - self._leaps[0] < _WITHIN


def _near(one: Place, other: Place, within: float) -> bool:
    return one[0] == other[0] and math.dist(one[1], other[1]) < within
