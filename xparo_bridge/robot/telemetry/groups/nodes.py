# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Report what should be there and is not: nodes, published topics, active lifecycle nodes.

Sends `nodes`: {missing_nodes, missing_topics, lifecycle}; of the lifecycle nodes those that are
not active, with their state, which is `unknown` of one that does not answer.
"""

from __future__ import annotations

from time import monotonic

from lifecycle_msgs.srv import GetState
from rclpy.node import Node
from rclpy.task import Future

from ....ros import entities
from ....ros.walls import when_done
from ..settings import Settings
from ..source import Source, Values

_ANSWER_WITHIN = 5.0


def make(node: Node, settings: Settings) -> Source:
    return Nodes(node, settings)


class Nodes(Source):
    """See the module."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._node = node
        self._settings = settings
        self._named = (*settings['nodes'], *settings['lifecycle'])
        self._lifecycle = [_Lifecycle(node, self._full(name)) for name in settings['lifecycle']]

    def collect(self) -> Values:
        there = {
            f'{namespace.rstrip("/")}/{name}'
            for name, namespace in self._node.get_node_names_and_namespaces()
        }
        expected = dict.fromkeys(map(self._full, self._named))
        for lifecycle in self._lifecycle:
            lifecycle.ask()
        return {
            'nodes': {
                'missing_nodes': [name for name in expected if name not in there],
                'missing_topics': [
                    topic
                    for topic in self._settings['topics']
                    if not self._node.count_publishers(self._node.resolve_topic_name(topic))
                ],
                'lifecycle': {
                    lifecycle.name: lifecycle.state
                    for lifecycle in self._lifecycle
                    if lifecycle.state != 'active' and lifecycle.name in there
                },
            }
        }

    def _full(self, name: str) -> str:
        """Return the name of a node with its namespace: the bridge's own if none is given."""
        return name if name.startswith('/') else f'{self._node.get_namespace().rstrip("/")}/{name}'

    def close(self) -> None:
        for lifecycle in self._lifecycle:
            self._node.destroy_client(lifecycle.client)


class _Lifecycle:
    """State of one lifecycle node, as it answered last."""

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self.state = 'unknown'
        self.client = entities.client(node, GetState, f'{name}/get_state')
        self._asked: Future | None = None
        self._asked_at = 0.0
        self.ask()

    def ask(self) -> None:
        """Ask, unless the last question is still open; the answer is there the next time."""
        now = monotonic()
        if self._asked is not None and now - self._asked_at > _ANSWER_WITHIN:
            self.client.remove_pending_request(self._asked)
            self._asked, self.state = None, 'unknown'
        if not self.client.service_is_ready():
            self.state = 'unknown'
        elif self._asked is None:
            self._asked, self._asked_at = self.client.call_async(GetState.Request()), now
            when_done(self._asked, self._answered)

    def _answered(self, future: Future) -> None:
        self._asked = None
        self.state = future.result().current_state.label
