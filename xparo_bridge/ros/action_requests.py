# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How many requests are with the server of an action, whichever goals they are about."""

from __future__ import annotations

import time

from rclpy.task import Future

# How many requests of a kind are with a server at a time: its queue keeps the last ten, and DDS
# drops what is before them without a word. One that is older than a second counts no more.
_MAX_REQUESTS = 8
_REQUEST_AGE = 1.0


class Requests:
    """Requests of one kind to the server of one client that were not answered yet."""

    def __init__(self) -> None:
        self._sent: list[tuple[float, Future]] = []

    @property
    def room(self) -> bool:
        """Whether the server has room for another."""
        since = time.monotonic() - _REQUEST_AGE
        self._sent = [(at, sent) for at, sent in self._sent if at > since and not sent.done()]
        return len(self._sent) < _MAX_REQUESTS

    def add(self, future: Future) -> Future:
        """Count one that was sent."""
        self._sent.append((time.monotonic(), future))
        return future


class ActionRequests:
    """Requests to the server of one client, whichever goals they are about."""

    def __init__(self) -> None:
        self.goals, self.cancels, self.results = Requests(), Requests(), Requests()
