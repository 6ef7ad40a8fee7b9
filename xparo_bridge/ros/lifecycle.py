# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find out whether the node behind an action is active, where it is one with a lifecycle."""

from __future__ import annotations

import time

from lifecycle_msgs.srv import GetState
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future

from . import entities
from .action_requests import ask
from .walls import when_done

ACTIVE = 'active'
# How long the node may take to say its state, s, and after which time it is asked again.
_TIMEOUT = 2.0
_ASK_AGAIN = 0.5
# How long the graph may take to say whether the node has a state, s: its parts are found one by
# one, and a server that rejects may just have been found.
_LOOK_PERIOD = 0.3
_TYPE = 'lifecycle_msgs/srv/GetState'


class StateOfServer:
    """
    Asks the node that serves an action for its state, once; `poll` some times a second.

    `node_name` is the full name of that node, empty if it is not known or has no lifecycle.
    `state` is its answer, such as `inactive`, and `done` whether there is one or none will come.
    """

    def __init__(self, node: Node, action: str) -> None:
        """Take the name of the action."""
        self.state = ''
        self.node_name = ''
        self._node = node
        self._action = action
        self._look_until = time.monotonic() + _LOOK_PERIOD
        self._give_up_at = time.monotonic() + _TIMEOUT
        self._ask_at = 0.0
        self._client: Client | None = None
        self._look()

    @property
    def done(self) -> bool:
        """Whether the state is known or will not be."""
        now = time.monotonic()
        return bool(self.state) or now > (self._give_up_at if self._client else self._look_until)

    def poll(self) -> None:
        """Ask when the service is there."""
        self._look()
        now = time.monotonic()
        if self._client is not None and now >= self._ask_at and self._client.service_is_ready():
            self._ask_at = now + _ASK_AGAIN
            when_done(ask(self._client, GetState.Request()), self._answered)

    def _look(self) -> None:
        if self._client is None:
            self.node_name = _server(self._node, self._action)
            if self.node_name:
                self._client = entities.client(self._node, GetState, f'{self.node_name}/get_state')

    def close(self) -> None:
        """Leave the graph."""
        if self._client is not None:
            self._node.destroy_client(self._client)
            self._client = None

    def _answered(self, future: Future) -> None:
        self.state = future.result().current_state.label


def _server(node: Node, action: str) -> str:
    for info in node.get_publishers_info_by_topic(f'{action}/_action/status'):
        name, namespace = info.node_name, info.node_namespace
        full_name = f'{namespace.rstrip("/")}/{name}'
        try:
            services = node.get_service_names_and_types_by_node(name, namespace)
        except Exception:  # noqa: BLE001  rclpy's NodeNameNonExistentError: it has just gone.
            continue
        if any(found == f'{full_name}/get_state' and _TYPE in kinds for found, kinds in services):
            return full_name
    return ''
