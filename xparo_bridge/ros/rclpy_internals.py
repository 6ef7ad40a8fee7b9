# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Names private names of rclpy, each once and with the reason: rclpy offers no public way.

A release of rclpy may change any of them without a word; test/ros/test_rclpy_internals.py says
what the bridge needs of each.
"""

from __future__ import annotations

from typing import Any

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.client import Client
from unique_identifier_msgs.msg import UUID


def awaits_answer(client: ActionClient | Client) -> bool:
    """
    Say whether a request of a client has no answer yet.

    An executor that waits for idle clients pays for it on each turn: the five entities of each of
    ten action clients cost a third of a turn.
    """
    if isinstance(client, ActionClient):
        return bool(
            client._pending_goal_requests
            or client._pending_result_requests
            or client._pending_cancel_requests
        )
    return bool(client._pending_requests)


def forget_oldest(client: ActionClient | Client, most: int) -> None:
    """
    Wait no more for the answers to the oldest requests of a service, or the oldest cancels.

    rclpy waits for each for ever. A server's queue keeps the last ten, so that of a burst of
    requests most are never answered.
    """
    if isinstance(client, ActionClient):
        pending, forget = client._pending_cancel_requests, client._remove_pending_cancel_request
    else:
        pending, forget = client._pending_requests, client.remove_pending_request
    while len(pending) > most:
        forget(next(iter(pending.values())))


def action_name(client: ActionClient) -> str:
    """Return the name of a client's action; ActionClient keeps it to itself."""
    name: str = client._action_name
    return name


def action_type(client: ActionClient) -> Any:
    """Return the ROS type of a client's action; ActionClient keeps it to itself."""
    return client._action_type


def goal_handle(
    client: ActionClient, goal_id: UUID, *, status: int | None = None
) -> ClientGoalHandle:
    """
    Make the handle of a goal whose server's answer is not there; `status` as in GoalStatus.

    rclpy makes a handle only of the answer to a goal it sent itself. A goal whose answer DDS lost,
    all goals at once (an id of zeros), and goals of other clients can be cancelled only so.
    """
    answer = client._action_type.Impl.SendGoalService.Response(accepted=True)
    handle = ClientGoalHandle(client, goal_id, answer)
    if status is not None:
        handle._status = status
    return handle
