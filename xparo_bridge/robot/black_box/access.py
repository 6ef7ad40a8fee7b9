# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How commands reach the black box, which is made after them; each node has one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node

from ...ros.of_node import one_of

OFF = 'the black box is off; black_box.enabled switches it on'


class Access:
    """What commands may ask of the black box; on the ROS thread."""

    def __init__(self) -> None:
        # Freezes for a reason; returns the recording's name and why there is none.
        self.freeze: Callable[[str], tuple[str, str]] = lambda reason: ('', OFF)
        # What there is, newest first; None if it is off.
        self.recordings: Callable[[], Sequence[dict[str, Any]] | None] = lambda: None

    @classmethod
    def of(cls, node: Node) -> Access:
        """Return the node's, the same for all who ask."""
        return one_of(node, cls, cls)
