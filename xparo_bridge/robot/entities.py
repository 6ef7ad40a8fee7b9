# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Publishers and subscriptions that cost the executor no more than they must.

By default each brings two or three event handlers, which are looked at on every turn of the
executor, to log that a QoS does not fit; the other side logs it as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription


def publisher(node: Node, kind: Any, topic: str, qos: Any = 10) -> Publisher:
    """Make a publisher without event handlers."""
    return node.create_publisher(
        kind, topic, qos, event_callbacks=PublisherEventCallbacks(use_default_callbacks=False))


def subscription(node: Node, kind: Any, topic: str, callback: Callable[[Any], None],
                 qos: Any = 10, **options: Any) -> Subscription:
    """Make a subscription without event handlers."""
    return node.create_subscription(
        kind, topic, callback, qos,
        event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False), **options)


class Wanted:
    """Publishers of which some node wants at least one; tells when that changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Take who is told."""
        self._changed = changed
        self._counts: dict[str, int] = {}

    def __contains__(self, topic: str) -> bool:
        return self._counts.get(topic, 0) > 0

    def publisher(self, node: Node, kind: Any, topic: str, qos: Any = 10) -> Publisher:
        """Make a publisher whose subscriptions are counted."""
        def matched(info: Any) -> None:
            before = topic in self
            self._counts[topic] = info.current_count
            if before != (topic in self):
                self._changed()

        return node.create_publisher(kind, topic, qos, event_callbacks=PublisherEventCallbacks(
            matched=matched, use_default_callbacks=False))
