# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Requests to servers: how many are with one, and how many answers are waited for."""

from __future__ import annotations

import time
from typing import Any

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.client import Client
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from .rclpy_internals import forget_oldest, goal_handle

# How many requests of a kind are with a server at a time: its queue keeps the last ten, and DDS
# drops what is before them without a word. One that is older than a second counts no more.
_MAX_REQUESTS = 8
_REQUEST_AGE = 1.0
# Of how many requests of a client an answer is waited for; a burst of stops sends hundreds.
MOST_AWAITED = 40


def ask(client: Client, request: Any) -> Future:
    """Call a service; of many that are not answered only the latest are waited for."""
    future = client.call_async(request)
    forget_oldest(client, MOST_AWAITED)
    return future


def cancel(client: ActionClient, goal: ClientGoalHandle | None = None) -> Future:
    """Ask a server to cancel a goal, or with None all its goals, whoever sent them."""
    # An id and a stamp of zero mean all goals (action_msgs/srv/CancelGoal).
    future = (goal or goal_handle(client, UUID())).cancel_goal_async()
    forget_oldest(client, MOST_AWAITED)
    return future


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
