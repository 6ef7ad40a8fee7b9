# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Estimate how many bytes a second the telemetry of a configuration takes.

Only with the robot can it be known. Counted are JSON texts as the bridge writes them, of a robot
that moves all the time, each field of a topic as a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Bytes of a message without its values, and of one field with its name.
_MESSAGE, _FIELD = 40, 25
# Bytes of a whole message of a topic of which no fields are chosen.
_WHOLE = 600
# Bytes of the values of a group; some say more about their size themselves.
SIZES = {
    'system': 70,
    'battery': 110,
    'pose': 75,
    'velocity': 50,
    'diagnostics': 400,
    'navigation': 200,
    'nodes': 120,
    'map': 0,
    'plan': 0,
    'image': 0,
}


def bytes_a_second(data: Mapping[str, Any]) -> float:
    """Return about how many bytes a second of telemetry go to each link that carries it."""
    telemetry = data['telemetry']
    period = telemetry['period']
    total = 0.0
    regular = False
    for name, settings in telemetry['groups'].items():
        if not settings.get('enabled', name != 'image'):
            continue
        regular = True
        size = SIZES.get(name, _FIELD)
        if name == 'image':  # As base64, of a picture half as large as it may be.
            size = round(settings.get('max_bytes', 100_000) * 2 / 3)
        elif name == 'plan':
            size = settings.get('points', 50) * 18
        elif name == 'map':  # On change, which it rarely does.
            continue
        total += size / settings.get('period', period)
    for topic in telemetry['topics']:
        if not topic['enabled']:
            continue
        fields = topic.get('fields')
        count = 1 if isinstance(fields, str) else len(fields or ())
        size = count * _FIELD if count else _WHOLE
        rate = topic.get('max_rate', 30.0 if topic['every_sample'] else 1 / period)
        if topic['every_sample']:
            size += _MESSAGE
        else:
            regular = True
        total += size * rate
    return total + (_MESSAGE / period if regular else 0.0)
