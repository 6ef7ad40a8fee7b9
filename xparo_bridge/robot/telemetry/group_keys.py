# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Under which keys does each built-in group send its values, without importing the groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BATTERY = ('battery_percentage', 'battery_voltage', 'battery_current', 'battery_status')
# The group `system` always sends these; the others are sent where its settings ask for them.
_SYSTEM = ('cpu_usage', 'memory_usage', 'disk_usage')
_SYSTEM_ASKED = ('load', 'temperatures', 'network', 'uptime', 'bridge')


def keys_of(group: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of a group with these settings; of most it is the group's name."""
    if group == 'battery':
        return _BATTERY
    if group == 'system':
        return (*_SYSTEM, *(key for key in _SYSTEM_ASKED if settings.get(key)))
    return (group,)
