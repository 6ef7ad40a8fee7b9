#!/usr/bin/env python3
# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Makes test/interfaces/nav2_actions.json, the fields and constants of each release's actions.

    tools/nav2_actions.py RELEASE=CHECKOUT[@COMMIT] ...

Each action of a checkout of Nav2 that the bridge uses is listed with the fields of its goal,
result and feedback, and their types; constants stand beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

FILE = Path(__file__).resolve().parents[1] / 'test' / 'interfaces' / 'nav2_actions.json'
ACTIONS = (
    'AssistedTeleop',
    'BackUp',
    'ComputeAndTrackRoute',
    'ComputePathThroughPoses',
    'ComputePathToPose',
    'ComputeRoute',
    'DockRobot',
    'DriveOnHeading',
    'FollowGPSWaypoints',
    'FollowObject',
    'FollowPath',
    'FollowWaypoints',
    'NavigateThroughPoses',
    'NavigateToPose',
    'SmoothPath',
    'Spin',
    'UndockRobot',
    'Wait',
)
CONSTANT = re.compile(r'\S+\s+([A-Z][A-Z0-9_]*)\s*=\s*(\d+)')
FIELD = re.compile(r'(\S+)\s+([a-z]\w*)')


def read_action(text: str) -> dict[str, Any]:
    """The fields of each part of a definition, name to type, and its constants."""
    found: dict[str, Any] = {}
    parts = re.split(r'^---\s*$', text, flags=re.MULTILINE)
    for part, lines in zip(('goal', 'result', 'feedback'), parts, strict=True):
        found[part] = {}
        for line in lines.splitlines():
            line = line.partition('#')[0].strip()
            if constant := CONSTANT.match(line):
                found.setdefault(f'{part}_constants', {})[constant[1]] = int(constant[2])
            elif field := FIELD.match(line):
                found[part][field[2]] = field[1]
    return found


def git(checkout: str, *words: str) -> str:
    """What git prints in a checkout; nothing if it fails."""
    return subprocess.run(['git', '-C', checkout, *words], capture_output=True, text=True).stdout


def main(argv: list[str]) -> int:
    """Make the file of the releases named."""
    releases = {}
    for word in argv:
        release, _, place = word.partition('=')
        checkout, _, commit = place.partition('@')
        commit = git(checkout, 'rev-parse', '--short=12', commit or 'HEAD').strip()
        texts = {
            name: git(checkout, 'show', f'{commit}:nav2_msgs/action/{name}.action')
            for name in ACTIONS
        }
        releases[release] = {
            'commit': commit,
            'actions': {name: read_action(text) for name, text in texts.items() if text},
        }
    FILE.write_text(json.dumps(releases, indent=1) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
