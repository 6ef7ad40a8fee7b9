# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the local platform answers to a robot's chat: a few rules over its latest telemetry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import re
from typing import Any

from .platform_frames import finite

Telemetry = Mapping[str, Any]


def answer(text: str, telemetry: Telemetry) -> str:
    """Reply to one line of chat."""
    for pattern, reply in _RULES:
        if re.search(pattern, text, re.IGNORECASE):
            return reply(telemetry)
    return f'You said: {text}'


def _hello(telemetry: Telemetry) -> str:
    return 'Hello! How can I assist you?'


def _help(telemetry: Telemetry) -> str:
    return 'Say hello, ask where you are or how your battery is; I repeat anything else.'


def _where(telemetry: Telemetry) -> str:
    pose = telemetry.get('pose')
    if not isinstance(pose, Mapping) or not (finite(pose.get('x')) and finite(pose.get('y'))):
        return 'I do not know where you are: your telemetry has no pose.'
    return f'You are at x {pose["x"]:.2f} m, y {pose["y"]:.2f} m.'


def _battery(telemetry: Telemetry) -> str:
    percent = telemetry.get('battery_percentage')
    if not finite(percent):
        return 'I do not know: your telemetry has no battery_percentage.'
    return f'Your battery is at {percent:.0f}%.'


_RULES: tuple[tuple[str, Callable[[Telemetry], str]], ...] = (
    (r'\bwhere\b', _where),
    (r'\b(battery|charge)\b', _battery),
    (r'\bhelp\b', _help),
    (r'\b(hello|hi|hey)\b', _hello),
)
