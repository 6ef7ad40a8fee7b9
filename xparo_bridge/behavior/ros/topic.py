# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What was said last on a topic, read only when a leaf asks."""

from __future__ import annotations

from collections import deque
import time
from typing import Any

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from ...ros.fields import load_type
from ...ros.subscription import TopicSubscription


class LatestMessage:
    """The newest messages of a topic, as many as `depth`, with the publishers' QoS."""

    def __init__(self, node: Node, kind: str, topic: str, depth: int = 1) -> None:
        """
        Listen to messages of a type such as `nav_msgs/msg/Odometry`.

        :raises UnknownType: if the type is not installed here.
        """
        self._cls: Any = load_type(kind)
        self._depth = depth
        self._subscription = TopicSubscription(
            node, node.resolve_topic_name(topic), kind, depth=depth
        )
        self._unread: deque[bytes] = deque(maxlen=depth)
        self._messages: list[Any] = []
        self._came = float('-inf')
        self.refresh()

    def refresh(self) -> None:
        """Follow changes of the graph."""
        self._subscription.refresh()

    def poll(self) -> None:
        """Take what came, so that its age is known."""
        for data in self._subscription.drain():
            self._unread.append(data)
            self._came = time.monotonic()

    @property
    def messages(self) -> list[Any]:
        """The newest messages, oldest first."""
        self.poll()
        while self._unread:
            self._messages.append(deserialize_message(self._unread.popleft(), self._cls))
        del self._messages[: -self._depth]
        return self._messages

    @property
    def message(self) -> Any:
        """The newest message; None if there was none yet."""
        messages = self.messages
        return messages[-1] if messages else None

    @property
    def age(self) -> float:
        """Time since the newest message came, s."""
        return time.monotonic() - self._came

    @property
    def ready(self) -> bool:
        """Whether a message has come, or nobody is there to send one."""
        return not self._subscription.publishers or bool(self._unread or self._messages)

    def close(self) -> None:
        """Stop listening."""
        self._subscription.forget()
