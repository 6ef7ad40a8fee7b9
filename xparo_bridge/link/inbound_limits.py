# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Bound what a platform may ask of a robot: a size, a number of items and a rate for every kind of
inbound message, and a rate for all frames together.

What is beyond is refused, never waited for: behind it may be a stop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
import math
from typing import Any

from ..messages import ErrorCode, Refusal
from ..token_bucket import TokenBucket

_SCALARS = frozenset((str, int, float, bool, type(None)))


@dataclass(frozen=True)
class Limit:
    """
    Largest frame, bytes; messages a second in the long run; how many may come at once.

    `items` bounds the values of all lists and objects within one message.
    """

    size: int
    rate: float
    burst: float
    items: int = 4096


class InboundLimits:
    """The limits of one link, and what they refused, by kind."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        """Take the limits of kinds by name, of `other` ones and of all `frames` together."""
        self._limits = {_class_name(kind): limit for kind, limit in limits.items()}
        self._buckets: dict[str, TokenBucket] = {}
        frames = limits['frames']
        self._frames = TokenBucket(frames.rate, frames.burst)
        self.too_many_frames = f'more than {frames.rate:g} frames a second'
        self.refused: dict[str, int] = {}

    def frame(self) -> bool:
        """Count a frame; whether it is within the rate."""
        return self._frames.acquire()

    @property
    def no_more_frames(self) -> bool:
        """Whether a frame that comes now is beyond the rate."""
        return self._frames.wait() > 0.0

    def frame_refusal(self) -> Refusal:
        """Return why what a frame beyond the rate carries is refused."""
        # There may be room again by now, but not for long.
        wait = self._frames.wait() or 1.0 / (self._frames.rate or math.inf)
        return Refusal(ErrorCode.RATE_LIMITED, self.too_many_frames, wait)

    def refusal(self, message: Any, size: int) -> Refusal | None:
        """Count a message of a frame of `size` bytes; why it is refused, None if it is not."""
        kind = type(message).__name__
        limit = self._limits.get(kind) or self._limits['Other']
        if size > limit.size:
            return Refusal(
                ErrorCode.TOO_LARGE, f'{kind} of {size} bytes; at most {limit.size} are taken'
            )
        if (items := count_items(message, limit.items)) > limit.items:
            return Refusal(
                ErrorCode.TOO_LARGE,
                f'{kind} of {items} items or more; at most {limit.items} are taken',
            )
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = self._buckets[kind] = TokenBucket(limit.rate, limit.burst)
        wait = bucket.wait()
        if wait > 0.0:
            text = f'more than {limit.rate:g} {kind} a second'
            return Refusal(ErrorCode.RATE_LIMITED, text, wait)
        bucket.count()
        return None

    def size_of(self, message: Any) -> int:
        """Return the largest frame that may bring such a message, bytes."""
        return (self._limits.get(type(message).__name__) or self._limits['Other']).size

    def count_refused(self, kind: str, count: int = 1) -> None:
        """Count what was refused of a kind."""
        self.refused[kind] = self.refused.get(kind, 0) + count


def count_items(message: Any, most: int) -> int:
    """Return how many values all lists and objects of a message hold; stops above `most`."""
    count = 0
    todo = [getattr(message, field.name) for field in fields(message)]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            inner: Collection[Any] = value.values()
        elif isinstance(value, (list, tuple)):
            inner = value
        else:
            continue
        count += len(inner)
        if count > most:
            break
        # Of the thousands there may be few hold more, and to ask for Mapping takes a µs.
        todo += [each for each in inner if type(each) not in _SCALARS]
    return count


def _class_name(kind: str) -> str:
    """Name of the class of a message, such as RemoteCommand for remote_command."""
    return kind.title().replace('_', '')
