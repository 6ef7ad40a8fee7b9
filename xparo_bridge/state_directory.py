# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Where does a bridge keep what must survive its restart."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
import re


class StateDirectoryError(Exception):
    """The directory cannot be used; says why and what to do."""


class StateDirectory:
    """A directory that one running bridge has for itself."""

    def __init__(self, path: Path) -> None:
        """Make the directory, only for this user, and lock it; StateDirectoryError if taken."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (path / 'lock').open('w')
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateDirectoryError(
                f'{path} is in use by another bridge; give each its own robot_id or '
                'state_dir') from None
        except OSError as error:
            raise StateDirectoryError(
                f'{path}: {error.strerror}; set state_dir to a directory that can be '
                'written') from None

    def close(self) -> None:
        """Let another bridge have it; the end of the process does that too."""
        self._lock.close()


def state_path(configured: str | None, robot_id: str) -> Path:
    """Directory of the configuration, or one named for the robot in $ROS_HOME or ~/.ros."""
    if configured:
        return Path(configured).expanduser()
    ros_home = Path(os.environ.get('ROS_HOME') or '~/.ros').expanduser()
    return ros_home / 'xparo_bridge' / (re.sub(r'[^\w.-]', '_', robot_id).strip('.') or 'robot')


def write_whole(path: Path, text: str, *, sync: bool = True) -> None:
    """
    Replace a file so that a crash leaves the old one or the new one, never a part.

    With `sync` a power cut does too; that may take as long as the disk likes.
    """
    new = path.with_name(path.name + '.new')
    with new.open('w', encoding='utf-8') as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    new.replace(path)
