# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""In which folder does the bridge keep what must outlive it."""

from __future__ import annotations

import os
from pathlib import Path
import re


def state_folder(robot_id: str) -> Path:
    """Folder of one robot, not made yet: in the user's own folder for state."""
    home = Path(os.environ.get('XDG_STATE_HOME') or '~/.local/state').expanduser()
    return home / 'xparo_bridge' / re.sub(r'[^A-Za-z0-9_-]', '_', robot_id)
