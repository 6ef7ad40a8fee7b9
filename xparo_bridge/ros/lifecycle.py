# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find out whether the node behind an action is active, where it is one with a lifecycle."""

from __future__ import annotations

import time

from lifecycle_msgs.srv import GetState
from rclpy.node import Node
from rclpy.task import Future

from . import entities
from .walls import when_done

ACTIVE = 'active'
# How long the node may take to say its state, s.
_TIMEOUT = 1.0
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
        self._node = node
        self._give_up_at = time.monotonic() + _TIMEOUT
        self._future: Future | None = None
        self.node_name = _server(node, action)
        self._client = (
            entities.client(node, GetState, f'{self.node_name}/get_state')
            if self.node_name
            else None
        )

    @property
    def done(self) -> bool:
        """Whether the state is known or will not be."""
        return bool(self.state) or self._client is None or time.monotonic() > self._give_up_at

    def poll(self) -> None:
        """Ask when the service is there."""
        if self._client is not None and self._future is None and self._client.service_is_ready():
            self._future = self._client.call_async(GetState.Request())
            when_done(self._future, self._answered)

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
