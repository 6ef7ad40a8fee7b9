# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What a kind of command is.

A kind is one class in one file, found through the entry-point group `xparo_bridge.commands`; each
command of the configuration is one object of it. `settings_schema` checks its entry in the
configuration, `parameters_schema` what the platform sends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TYPE_CHECKING

from rclpy.node import Node

from ...errors import BadInput
from .run import Run

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees
    from ..telemetry.publisher import TelemetryPublisher
    from .base import RobotBase
    from .places import Places
    from .router import Router

Schema = dict[str, Any]


class SettingsError(BadInput):
    """A setting that cannot work: the keys that lead to it from the command, and why."""

    def __init__(self, path: Sequence[str | int], text: str) -> None:
        super().__init__(text)
        self.path = tuple(path)


@dataclass(frozen=True)
class Robot:
    """What commands act on."""

    node: Node
    places: Places
    router: Router
    telemetry: TelemetryPublisher
    trees: Trees
    base: RobotBase


def settings(
    own: Mapping[str, Any] | None = None,
    *,
    required: Sequence[str] = (),
    timeout: float | None = None,
    concurrency: str = 'parallel',
    channel: str | None = None,
    motion: bool = False,
) -> Schema:
    """Schema of a command's settings: its kind's own, and those every command has."""
    return {
        'type': 'object',
        'additionalProperties': False,
        'required': list(required),
        'properties': {
            'kind': {},
            'description': {
                'description': 'What it does, for the people at the console',
                'type': 'string',
                'default': '',
            },
            'timeout': {
                'description': 'How long it may take until it is cancelled, s; null for any time',
                'type': ['number', 'null'],
                'exclusiveMinimum': 0,
                'default': timeout,
            },
            'motion': {
                'description': 'Whether it moves the robot, so that stop ends and refuses it',
                'type': 'boolean',
                'default': motion,
            },
            'channel': {
                'description': 'What only one command can use at a time; its name if null',
                'type': ['string', 'null'],
                'default': channel,
            },
            'concurrency': {
                'description': 'What it does while another command is on its channel',
                'enum': ['preempt', 'queue', 'reject', 'parallel'],
                'default': concurrency,
            },
            'queue': {
                'description': 'How many may wait with concurrency: queue',
                'type': 'integer',
                'minimum': 1,
                'maximum': 1000,
                'default': 10,
            },
            'max_rate': {
                'description': 'How often it may come, Hz; null for any rate',
                'type': ['number', 'null'],
                'exclusiveMinimum': 0,
                'default': None,
            },
            'burst': {
                'description': 'How many may come at once within max_rate',
                'type': 'integer',
                'minimum': 1,
                'default': 1,
            },
            'max_age': {
                'description': 'How old it may be by its issued_at, s; null for the general one',
                'type': ['number', 'null'],
                'exclusiveMinimum': 0,
                'default': None,
            },
            'defaults': {
                'description': 'Parameters for those the platform leaves out',
                'type': 'object',
                'default': {},
            },
            **(own or {}),
        },
    }


class Kind(ABC):
    """
    A command of the configuration.

    `urgent` ones pass the limits of rates and numbers. Those that `stream` come many a second,
    each replacing the one before; they are not kept in mind and end when their link does. A run of
    a `pausable` kind may be started while the robot is paused, and waits then.
    """

    settings_schema: ClassVar[Schema]
    urgent: ClassVar[bool] = False
    streams: ClassVar[bool] = False
    pausable: ClassVar[bool] = False

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        """Take the command's name and its checked entry; SettingsError if it cannot work."""
        self.name = name
        self.settings = settings
        self.robot = robot
        self.channel: str = settings['channel'] or name
        self.motion: bool = settings['motion']

    @property
    def timeout(self) -> float:
        """How long a run may take, s."""
        return float(self.settings['timeout'] or 'inf')

    def parameters_schema(self) -> Schema:
        """JSON Schema of the parameters."""
        return {'type': 'object', 'additionalProperties': False}

    def prepare(self, run: Run) -> None:  # noqa: B027  Most kinds need none.
        """Reject a run that cannot work, before it is in anybody's way."""

    @abstractmethod
    def start(self, run: Run) -> None:
        """Begin; tells `run` how it goes, now or later, and ends it exactly once."""

    def cancel(self, run: Run) -> None:
        """Begin to end a run; it ends when the robot has stopped. By default at once."""
        run.canceled('cancelled')

    def pause(self, run: Run) -> bool:
        """Begin to hold a run until `resume`; False if that cannot be done."""
        return False

    def held(self, run: Run) -> bool:
        """Whether a run that is to be held no longer moves the robot."""
        return True

    def resume(self, run: Run) -> None:  # noqa: B027
        """Go on with a run that is held."""

    def takes_over(self, run: Run, old: Run) -> bool:
        """Whether starting `run` replaces `old` smoothly, so that it need not end before."""
        return False

    def poll(self, run: Run) -> None:  # noqa: B027
        """Look after a run, ten times a second."""

    def halt(self) -> None:  # noqa: B027
        """Keep from moving the robot whatever this command ever set in motion."""
