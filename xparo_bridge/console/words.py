# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say values to people: numbers with their units, times in the reader's zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
import json
import math
import time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Units by the last part of a key, of what the bridge's groups send.
_UNITS = {
    'battery_percentage': '%', 'cpu_usage': '%', 'memory_usage': '%', 'disk_usage': '%',
    'battery_voltage': 'V', 'battery_current': 'A', 'linear': 'm/s', 'lateral': 'm/s',
    'angular': 'rad/s', 'x': 'm', 'y': 'm', 'yaw': 'rad', 'distance': 'm', 'elapsed': 's',
    'remaining': 's', 'distance_remaining': 'm', 'estimated_time_remaining': 's',
    'navigation_time': 's', 'uptime': 's', 'age': 's', 'resolution': 'm',
}  # fmt: skip
ENDS = {
    'sent': 'sent, not answered yet',
    'accepted': 'accepted',
    'running': 'running',
    'succeeded': 'succeeded',
    'failed': 'failed',
    'rejected': 'refused',
    'canceled': 'cancelled',
    'timed_out': 'took too long',
}
# What to do about an error, by its code (docs/commands.md).
HELP = {
    'stopped': 'Press Resume when nobody is in the way.',
    'paused': 'Press Resume to let it go on.',
    'no_base': 'Start the driver of the base, or mend base.topic in its configuration.',
    'no_action_server': 'Is the navigation running on the robot?',
    'no_service': 'Is the node with that service running on the robot?',
    'no_subscriber': 'Is the node that should hear it running on the robot?',
    'expired': 'It came too late: look at the connection, then send it again.',
    'rate_limited': 'Wait a moment and send it again.',
    'busy': 'Cancel what is running, or wait for its end.',
    'preempted': 'Another order took its place.',
    'not_stopped': 'The robot may still be moving: use its emergency stop.',
    'goal_rejected': 'The goal may be off the map or in an obstacle; choose another.',
    'aborted': 'See whether the way is blocked, then send it again.',
    'interrupted': 'The bridge was restarted; send it again if it is still needed.',
    'lease': 'Take over with a reason, or wait until the other has finished.',
    'not_allowed': 'Ask the owner of the platform for the role operator.',
    'no_robot': 'It is not connected now; what you see is what it said last.',
    'gone': 'The console tries again by itself.',
}


def number(value: Any, key: str = '') -> str:
    """Return a number with the unit of its key."""
    unit = _UNITS.get(key.rpartition('.')[2], '')
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return text(value)
    digits = (
        f'{value:.0f}' if unit == '%' else f'{value:.2f}' if abs(value) < 1e4 else f'{value:.4g}'
    )
    if isinstance(value, int) and unit != '%':
        digits = str(value)
    return f'{digits}\N{NO-BREAK SPACE}{unit}' if unit else digits


def with_unit(key: str) -> str:
    """Return the name of a number with its unit, where that is known."""
    unit = _UNITS.get(key.rpartition('.')[2], '')
    return f'{key}, {unit}' if unit else key


def text(value: Any, most: int = 120) -> str:
    """Return any value in a line."""
    if value is None:
        return ''
    if isinstance(value, dict):
        said = ', '.join(f'{key} {number(item, key)}' for key, item in value.items())
    elif isinstance(value, str):
        said = value
    else:
        said = json.dumps(value)
    return said if len(said) <= most else f'{said[: most - 1]}…'


def span(seconds: float) -> str:
    """Return a time that has passed."""
    if not math.isfinite(seconds):
        return 'an unknown time'
    if seconds < 60.0:
        return f'{max(seconds, 0.0):.0f} s'
    if seconds < 3600.0:
        return f'{seconds / 60.0:.0f} min'
    if seconds < 86400.0:
        return f'{seconds / 3600.0:.0f} h'
    return f'{seconds / 86400.0:.0f} d'


def clock(moment: float, zone: str = '') -> str:
    """Return a time of day with its zone, with the day where it is not today."""
    try:
        when = datetime.fromtimestamp(moment, ZoneInfo(zone)) if zone else _local(moment)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        when = _local(moment)
    day = '' if time.time() - moment < 43_200 else f'{when:%Y-%m-%d} '
    return f'{day}{when:%H:%M:%S %Z}'


def _local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment).astimezone()


def error_words(error: Mapping[str, Any]) -> str:
    """Return what went wrong and what to do."""
    code = str(error.get('code', ''))
    message = str(error.get('message') or code)
    known = error.get('known')
    if isinstance(known, list) and known and str(known[0]) not in message:
        message += f'; there are {", ".join(map(str, known[:8]))}'
    return f'{message}. {HELP[code]}' if code in HELP else message
