# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The documentation's page of all interfaces, from the files of interfaces/xparo_interfaces."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'interfaces' / 'xparo_interfaces'
SUBJECTS = {'msg': 'Messages', 'srv': 'Services', 'action': 'Actions'}


def page() -> str:
    """Return the page: every interface as its file has it."""
    lines = [
        '# Interfaces',
        '',
        'The package `xparo_interfaces`: what nodes of the robot say to the bridge and hear from',
        'it.',
    ]
    for folder, title in SUBJECTS.items():
        lines += ['', f'## {title}']
        for path in sorted((FOLDER / folder).iterdir()):
            lines += [
                '',
                f'### xparo_interfaces/{folder}/{path.stem}',
                '',
                '```',
                body(path),
                '```',
            ]
    return '\n'.join(lines) + '\n'


def body(path: Path) -> str:
    """Return an interface without the licence above it."""
    lines = path.read_text().splitlines()
    while lines and (not lines[0].strip() or 'Copyright' in lines[0] or 'SPDX' in lines[0]):
        del lines[0]
    return '\n'.join(lines).strip()
