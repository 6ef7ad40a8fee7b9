# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Which places does the robot know: those of its configuration, and those saved since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import difflib
import json
from typing import Any

from ...errors import BadInput
from ...ros.geometry import FARTHEST
from ...state_directory import StateFile

Pose = Mapping[str, Any]


def _coordinate(value: Any) -> float:
    """
    Return a saved coordinate, m or rad.

    :raises ValueError: if it is none that a robot can stand at.
    """
    number = float(value)
    if not abs(number) <= FARTHEST:
        raise ValueError(f'{number:g} is beyond 1e6')
    return number


class UnknownPlace(BadInput, LookupError):
    """There is no such place; says which is near."""


class Places:
    """Poses {x, y, yaw, frame} by name, m and rad; a saved one stands over a configured one."""

    def __init__(
        self, configured: Mapping[str, Pose], file: StateFile, complain: Callable[[str], object]
    ) -> None:
        """Take the configured ones and the file of those saved."""
        self._configured = configured
        self._file = file
        self._saved: dict[str, Pose] = {}
        try:
            saved = json.loads(file.read() or '{}')
            self._saved = {
                name: {
                    **{key: _coordinate(pose[key]) for key in ('x', 'y', 'yaw')},
                    'frame': str(pose['frame']),
                }
                for name, pose in saved.items()
            }
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            complain(f'{file.path}: the saved places cannot be read: {error}')

    @property
    def names(self) -> list[str]:
        """Names of all places, sorted."""
        return sorted({*self._configured, *self._saved})

    def __contains__(self, name: str) -> bool:
        return name in self._saved or name in self._configured

    def __getitem__(self, name: str) -> Pose:
        """Pose of a place, or UnknownPlace."""
        for poses in (self._saved, self._configured):
            if name in poses:
                return poses[name]
        near = difflib.get_close_matches(name, self.names, 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        raise UnknownPlace(f'there is no place "{name}"{hint}')

    def save(self, name: str, pose: Pose) -> bool:
        """Keep a place; whether also over a restart."""
        self._saved[name] = dict(pose)
        return self._file.write(json.dumps(self._saved, indent=1))
