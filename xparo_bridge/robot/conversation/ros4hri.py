# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The community's interfaces of conversation (ROS4HRI), where they are installed.

hri_msgs/LiveSpeech on `/humans/voices/<link>/speech` beside `~/speech/heard`, and
communication_skills/Say on `/skill/say` beside `~/speech/say`. Without the packages: nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.node import Node

from ...messages import Heard
from ...ros.entities import publisher


def installed(module: str, name: str) -> Any:
    """Type of an interface package, None where it is not installed."""
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None


class LiveSpeech:
    """What people say, as ROS4HRI has it: each link with a microphone is one voice."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._type = installed('hri_msgs.msg', 'LiveSpeech')
        self._publishers: dict[str, Any] = {}

    def heard(self, link: str, heard: Heard) -> None:
        """Take what a person said."""
        if self._type is None:
            return
        if link not in self._publishers:
            self._publishers[link] = publisher(
                self._node, self._type, f'/humans/voices/{link}/speech'
            )
        speech = self._type()
        speech.header.stamp = self._node.get_clock().now().to_msg()
        if heard.final:
            speech.final = heard.text
        else:
            speech.incremental = heard.text
        self._publishers[link].publish(speech)
