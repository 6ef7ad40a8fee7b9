# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep the requests of a link that await their answer, and until when.

A request ends once: answered (`done`), too late (`expire`) or cut off (`abandon`). How its failure
is reported is the asker's to say when asking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Any

from ..errors import NotNow

MAX_PENDING = 256


class TooManyPending(NotNow):
    """A peer that answers nothing is asked no more."""


@dataclass
class _Request:
    fail: Callable[[str], Any]
    ends_at: float
    seconds: float


class Pending:
    """Requests by id, in the order they were made; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._requests: dict[str, _Request] = {}

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._requests

    def add(self, request_id: str, seconds: float, fail: Callable[[str], Any]) -> None:
        """Await an answer for so long, `inf` for ever; `fail` makes the message that it failed."""
        if len(self._requests) >= MAX_PENDING:
            raise TooManyPending(f'{MAX_PENDING} requests are unanswered')
        self._requests[request_id] = _Request(fail, self._clock() + seconds, seconds)

    def extend(self, request_id: str, seconds: float) -> None:
        """Await an answer for so long from now."""
        request = self._requests[request_id]
        request.ends_at, request.seconds = self._clock() + seconds, seconds

    def done(self, request_id: str) -> None:
        """Await no more."""
        self._requests.pop(request_id, None)

    def deadline(self) -> float | None:
        """Time at which the next request will be too late."""
        ends_at = min((request.ends_at for request in self._requests.values()), default=math.inf)
        return ends_at if ends_at < math.inf else None

    def expire(self) -> list[Any]:
        """Failures of the requests that are too late."""
        late = [
            name for name, request in self._requests.items() if request.ends_at <= self._clock()
        ]
        return [
            request.fail(f'no answer within {request.seconds:.0f} s')
            for request in map(self._requests.pop, late)
        ]

    def abandon(self, reason: str) -> list[Any]:
        """Failures of all requests, for this reason."""
        requests, self._requests = self._requests, {}
        return [request.fail(reason) for request in requests.values()]
