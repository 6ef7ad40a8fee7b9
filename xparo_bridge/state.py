# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""In which folder does the bridge keep what must outlive it: outbox, history, audit log."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
import os
from pathlib import Path
import re


def state_folder(setting: str | None, robot_id: str,
                 environment: Mapping[str, str] = os.environ) -> Path | None:
    """
    Folder of one robot, not made yet; None if nothing shall be kept.

    `setting` is `state_directory` of the configuration; without it systemd's STATE_DIRECTORY or
    the user's own folder for state is used.
    """
    if setting == '':
        return None
    if setting is not None:
        base = Path(setting).expanduser()
    elif environment.get('STATE_DIRECTORY'):
        base = Path(environment['STATE_DIRECTORY'].split(':')[0])
    else:
        home = environment.get('XDG_STATE_HOME') or '~/.local/state'
        base = Path(home).expanduser() / 'xparo_bridge'
    return base / _file_name(robot_id)


def _file_name(robot_id: str) -> str:
    plain = re.sub(r'[^A-Za-z0-9_-]', '_', robot_id)[:64]
    if plain == robot_id:
        return plain
    # Two names must not become one folder.
    return f'{plain}_{hashlib.sha256(robot_id.encode()).hexdigest()[:8]}'
