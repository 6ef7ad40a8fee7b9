# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the kinds `dock` and `undock` share: settings for Nav2's docking server."""

from __future__ import annotations

from typing import Any

from .action_kind import action_settings
from .kind import Schema


def docking_settings(action: str, timeout: float, **own: Any) -> Schema:
    """Return the settings of a command of the docking server, its own among them."""
    return action_settings(
        {
            'action': {'description': 'Name of the action', 'type': 'string', 'default': action},
            'dock_type': {
                'description': "The dock plugin's name; empty if there is only one",
                'type': 'string',
                'default': '',
            },
            **own,
        },
        timeout=timeout,
        channel='base',
    )
