# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `save_place`: where the robot stands now, or a pose, under a name, kept over restarts."""

from __future__ import annotations

from collections.abc import Mapping
import time
from typing import Any

from ....angles import degrees_problem
from ....messages import ErrorCode
from ....ros.geometry import FARTHEST
from ....ros.rivals import disputed
from ....ros.transforms import frame_name, TransformListener
from ..kind import Kind, Robot, Schema, settings
from ..run import Rejection, Run

_MAX_PLACES = 1000
_COORDINATE = {'type': 'number', 'minimum': -FARTHEST, 'maximum': FARTHEST}


class SavePlace(Kind[float]):
    """Result: the pose that was saved. A place that exists is replaced only with `replace`."""

    settings_schema = settings(
        {
            'frame': {'description': 'Frame of the pose', 'type': 'string', 'default': 'map'},
            'base_frame': {
                'description': "The robot's frame",
                'type': 'string',
                'default': 'base_link',
            },
            'transform_timeout': {
                'description': 'How long the transform between them is waited for, s',
                'type': 'number',
                'minimum': 0,
                'default': 2.0,
            },
            'max_age': {
                'description': 'How old the transform may be, s',
                'type': 'number',
                'exclusiveMinimum': 0,
                'default': 2.0,
            },
        }
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        self._listener: TransformListener | None = None
        self._users = 0

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'required': ['name'],
            'properties': {
                'name': {
                    'type': 'string',
                    'minLength': 1,
                    'maxLength': 80,
                    'pattern': r'^\S(.*\S)?$',
                    'description': 'what to call the place',
                },
                'replace': {
                    'type': 'boolean',
                    'default': False,
                    'description': 'whether a place of that name may be replaced',
                },
                'pose': {
                    'type': 'object',
                    'description': 'where it is, m and rad; where the robot stands if left out',
                    'additionalProperties': False,
                    'required': ['x', 'y'],
                    'properties': {
                        **dict.fromkeys(('x', 'y', 'yaw'), _COORDINATE),
                        'frame': {'type': 'string', 'minLength': 1, 'maxLength': 255},
                    },
                },
            },
        }

    def prepare(self, run: Run[float]) -> Rejection | None:
        name, places = run.parameters['name'], self.robot.places
        if problem := degrees_problem(run.parameters.get('pose', {}).get('yaw', 0.0)):
            return Rejection(ErrorCode.BAD_PARAMETERS, f'pose.yaw: {problem}')
        if name in places and not run.parameters['replace']:
            return Rejection(
                ErrorCode.PLACE_EXISTS, f'there is a place "{name}"; set replace to replace it'
            )
        if name not in places and len(places.names) >= _MAX_PLACES:
            return Rejection(ErrorCode.TOO_MANY_PLACES, f'{_MAX_PLACES} places are saved')
        return None

    def start(self, run: Run[float]) -> None:
        given = run.parameters.get('pose')
        if given is not None:
            frame = frame_name(given.get('frame', self.settings['frame']))
            pose = {key: round(float(given.get(key, 0.0)), 4) for key in ('x', 'y', 'yaw')}
            self._save(run, {**pose, 'frame': frame})
            return
        # Transforms come many a second, so they are listened to only while one is needed.
        if self._listener is None:
            self._listener = TransformListener.acquire(self.robot.node)
        self._users += 1
        run.work = time.monotonic() + self.settings['transform_timeout']

    def poll(self, run: Run[float]) -> None:
        assert self._listener is not None
        self._listener.refresh()
        self._listener.update()
        frame, base = (frame_name(self.settings[name]) for name in ('frame', 'base_frame'))
        found, most = self._listener.tree.place(frame, base), self.settings['max_age']
        if found is None or found.age > most or found.disputed:
            if time.monotonic() > run.work:
                self._leave()
                run.fail(
                    ErrorCode.NO_TRANSFORM,
                    f'there is no transform from {frame} to {base}: is the robot localized?'
                    if found is None
                    else disputed(found.disputed)
                    if found.disputed
                    else f'the transform of {found.oldest} has not come for {found.age:.1f} s, '
                    f'expected at most {most:g}: is the robot still localized?',
                )
            return
        place = found.transform
        self._leave()
        if max(map(abs, place.translation)) > FARTHEST:
            run.fail(
                ErrorCode.BAD_TRANSFORM, f'the transform from {frame} to {base} is beyond 1e6 m'
            )
            return
        pose = {
            'x': round(place.translation[0], 4),
            'y': round(place.translation[1], 4),
            'yaw': round(place.yaw, 4),
            'frame': frame,
        }
        self._save(run, pose)

    def _save(self, run: Run[float], pose: Mapping[str, Any]) -> None:
        kept = self.robot.places.save(run.parameters['name'], pose)
        run.succeed(
            {
                'name': run.parameters['name'],
                'pose': dict(pose),
                **({} if kept else {'warning': 'not on disk: lost when the bridge ends'}),
            }
        )

    def cancel(self, run: Run[float]) -> None:
        self._leave()
        run.canceled()

    def _leave(self) -> None:
        self._users -= 1
        if self._users == 0 and self._listener is not None:
            self._listener.close()
            self._listener = None
