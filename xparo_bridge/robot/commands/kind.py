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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TYPE_CHECKING

from rclpy.node import Node

from ...errors import BadInput
from ...messages import CommandStatus
from .answers import MAX_ANSWER
from .motion_lock import MotionLock
from .run import Rejection, Run, W

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees
    from ..telemetry.publisher import TelemetryPublisher
    from .base import RobotBase
    from .places import Places

Schema = dict[str, Any]


class SettingsError(BadInput):
    """
    A setting that cannot work: the keys that lead to it from the command, and why.

    `more` are others that were found with it.
    """

    def __init__(
        self,
        path: Sequence[str | int],
        text: str,
        more: Sequence[tuple[Sequence[str | int], str]] = (),
    ) -> None:
        super().__init__(text)
        self.path = tuple(path)
        self.found = ((self.path, text), *((tuple(at), words) for at, words in more))


class RunControl(Protocol):
    """What a kind may ask of all runs, its own and those of others; the router is one."""

    @property
    def lock(self) -> MotionLock:
        """Whether the robot may be moved."""

    @property
    def open_runs(self) -> list[Run[Any]]:
        """Runs that have not ended, oldest first."""

    @property
    def recovering(self) -> bool:
        """Whether it is not yet known what became of the goals of a bridge that died."""

    def status(self, command_id: str) -> CommandStatus | None:
        """How a command stands or ended; None if it is not known."""

    def menu(self) -> dict[str, Any]:
        """What can be commanded: kind, description and the schema of the parameters."""

    def cancel(self, run: Run[Any]) -> None:
        """Begin to end a run as canceled."""

    def guarded(self, run: Run[Any], do: Callable[[Run[Any]], object]) -> None:
        """
        Do something for a run; a fault in it, or in a callback it makes, ends that run only.

        All that is called of a kind for a run is done so; a kind needs it where it does something
        for another run than the one it was called for.
        """

    def cancel_earlier(self, run: Run[Any], selects: Callable[[Run[Any]], bool]) -> list[Run[Any]]:
        """
        End also those selected runs that came before a cancel, though they are only read later.

        They are added to the list that is returned.
        """

    def overtakes(self, run: Run[Any]) -> bool:
        """Whether a run was handed over before what came before it, and that is not here yet."""

    def pause(self, run: Run[Any]) -> bool:
        """Begin to pause a run until it is resumed; False if that cannot be done."""

    def idle(self, run: Run[Any]) -> bool:
        """Whether a run that is to be paused no longer moves the robot."""

    def resume(self) -> list[Run[Any]]:
        """Let the robot move again, and what was paused go on; the runs that do."""

    def emergency_stop(self, stand_for: float) -> None:
        """Make the robot stand whatever moves it, and order the base to for a time at least, s."""

    @property
    def motion_problems(self) -> list[str]:
        """Why the robot may still be moving after an emergency stop; empty once it stands."""

    def motion_in_doubt(self) -> None:
        """Make the robot stand, because it is not known of a goal whether it still moves it."""

    def record_goal(self, run: Run[Any], action: str, goal_id: bytes, *, leave: bool) -> None:
        """Note that a goal is about to be sent for a run."""


@dataclass(frozen=True)
class Robot:
    """What commands act on."""

    node: Node
    places: Places
    runs: RunControl
    telemetry: TelemetryPublisher
    trees: Trees
    base: RobotBase


# Of kinds that tell the base to stand.
STOP_FOR: Schema = {
    'description': 'How long standing is repeated, s; base.stand_for if null',
    'type': ['number', 'null'],
    'minimum': 0,
    'maximum': 10,
    'default': None,
}


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
                'description': 'Whether it moves the robot: refused after stop, waits after pause',
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


class Kind(ABC, Generic[W]):
    """
    A command of the configuration; `W` is what it keeps of each run, in `run.work`.

    `urgent` ones pass the limits of rates and numbers; `unconditional` ones act also where their
    form, age or id is wrong, which is only noted in their result. Those that `stream` come many a
    second, each replacing the one before; they are not kept in mind and end when their link does.
    Those that only ask change nothing, and are not logged.
    A run of a `pausable` kind may be started while the robot is paused, and waits then. What it
    reports has at most `largest_answer` bytes of JSON.
    """

    settings_schema: ClassVar[Schema]
    urgent: ClassVar[bool] = False
    unconditional: ClassVar[bool] = False
    streams: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    pausable: ClassVar[bool] = False
    largest_answer: ClassVar[int] = MAX_ANSWER

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

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions it sends goals to."""
        return ()

    @property
    def motion_actions(self) -> tuple[str, ...]:
        """Names of further actions that move the base, whoever sends their goals."""
        return ()

    def learn_motion_actions(self, names: Collection[str]) -> None:  # noqa: B027
        """Take the full names of the `motion_actions` of all commands, once all are made."""

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        """JSON Schema of the parameters of a command, by its checked entry; needs no robot."""
        return {'type': 'object', 'additionalProperties': False}

    @classmethod
    def places_in(cls, parameters: Mapping[str, Any]) -> list[str]:
        """Names of the places that checked parameters send the robot to."""
        return []

    def prepare(self, run: Run[W]) -> Rejection | None:
        """
        Say why a run cannot work, before it is in anybody's way; most kinds always can.

        One that needs neither its channel nor its turn may be ended here.
        """
        return None

    @abstractmethod
    def start(self, run: Run[W]) -> None:
        """Begin; reports to `run` how it goes, now or later, and ends it exactly once."""

    def cancel(self, run: Run[W]) -> None:
        """Begin to end a run that was started; it ends when the robot has stopped."""
        run.canceled()

    def abandon(self, run: Run[W]) -> None:
        """Keep from going on what a run began that was ended by a fault."""
        self.cancel(run)

    def pause(self, run: Run[W]) -> bool:
        """Begin to pause a run until `resume`; False if that cannot be done."""
        return False

    def idle(self, run: Run[W]) -> bool:
        """Whether a run that is to be paused no longer moves the robot."""
        return True

    def resume(self, run: Run[W]) -> None:  # noqa: B027
        """Go on with a run that is paused."""

    def takes_over(self, run: Run[W], old: Run[Any]) -> bool:
        """Whether starting `run` replaces `old` smoothly, so that it need not end before."""
        return False

    def poll(self, run: Run[W]) -> None:  # noqa: B027
        """Look after a run that was started, ten times a second."""

    def emergency_stop(self) -> None:  # noqa: B027
        """Keep from moving the robot whatever this command ever set in motion."""
