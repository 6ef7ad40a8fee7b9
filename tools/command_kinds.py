# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Write config/command_kinds.json: which settings each kind of command takes.

With it a configuration is checked on machines without ROS, where the kinds cannot be loaded.

    python tools/command_kinds.py
"""

from __future__ import annotations

from importlib.metadata import entry_points
import json
from pathlib import Path

from xparo_bridge.robot.commands.configured import GROUP

FILE = Path(__file__).parents[1] / 'config' / 'command_kinds.json'


def text() -> str:
    """What the file is to hold: the schemas of the kinds of this package, by name."""
    schemas = {
        point.name: point.load().settings_schema
        for point in sorted(entry_points(group=GROUP))
        if point.value.startswith('xparo_bridge.')
    }
    return json.dumps(schemas, indent=1, sort_keys=True, ensure_ascii=False) + '\n'


if __name__ == '__main__':
    FILE.write_text(text())
