# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Keep the places that the robot knows: those of its configuration, and those saved since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
from typing import Any

from ...alike import alike
from ...errors import BadInput
from ...json_reader import read_own_object
from ...ros.geometry import FARTHEST
from ...state import State

Pose = Mapping[str, Any]

_MAX_PLACES = 10_000
_MAX_BYTES = 4 * 1024 * 1024


class UnknownPlace(BadInput, LookupError):
    """There is no such place; says which is near."""


class Places:
    """Poses {x, y, yaw, frame} by name, m and rad; a saved one stands over a configured one."""

    def __init__(
        self, configured: Mapping[str, Pose], state: State, complain: Callable[[str], object]
    ) -> None:
        """Take the configured ones, and those saved before."""
        self._configured = configured
        self._state = state
        self._table = state.table('places', max_entries=_MAX_PLACES, max_bytes=_MAX_BYTES)
        self._saved: dict[str, Pose] = {}
        for name, text in self._table.items():
            try:
                self._saved[name] = _pose(read_own_object(text))
            except (BadInput, ValueError, TypeError, KeyError) as error:
                complain(f'the saved place {name:.100} cannot be read: {error!r}')
                self._table.delete(name)

    def configure(self, configured: Mapping[str, Pose]) -> None:
        """Take other configured ones in place of those of before."""
        self._configured = configured

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
        near = alike(name, self.names, 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        raise UnknownPlace(f'there is no place "{name}"{hint}')

    def save(self, name: str, pose: Pose) -> bool:
        """
        Keep a place; whether also over a restart, as far as is known.

        :raises NoRoom: if there are too many.
        """
        self._table.put(name, json.dumps(dict(pose)))
        self._saved[name] = dict(pose)
        return not self._state.problem


def _pose(value: Mapping[str, Any]) -> Pose:
    return {
        **{key: _coordinate(value[key]) for key in ('x', 'y', 'yaw')},
        'frame': str(value['frame']),
    }


def _coordinate(value: Any) -> float:
    """
    Return a saved coordinate, m or rad.

    :raises ValueError: if it is none that a robot can stand at.
    """
    number = float(value)
    if not abs(number) <= FARTHEST:
        raise ValueError(f'{number:g} is beyond 1e6')
    return number
