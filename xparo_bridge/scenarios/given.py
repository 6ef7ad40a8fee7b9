# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a run begins with: robots, their configuration, the world's map and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path
import re
import shlex
import tempfile
from typing import Any

from ..configuration import checked, Configuration, ConfigurationError, load
from ..layers import merge
from ..local.sim.drive import Pose
from ..rollout.folder import FleetFolder, is_fleet
from ..share import share
from .document import Part, Problems, ScenarioError
from .quantities import ANGLE, DURATION, PERCENT, POSITION

DEFAULTS = ('bridge.yaml', 'commands.yaml', 'places.yaml')
LIMIT = 300.0  # s of real time that a run may take, unless it says another
ROBOT = 'robot'  # the name of a robot that has none
KEYS = (
    'map',
    'robot',
    'robots',
    'config',
    'settings',
    'programs',
    'simulation',
    'real_time_factor',
    'limit',
)
_NAME = re.compile(r'[A-Za-z0-9_-]+')  # Of a log file, too.
# A real bridge in a configuration of its own needs a link; a run gives it its own.
_ANY_LINK = {'links': [{'name': 'platform', 'protocol': 'xparo', 'url': 'ws://127.0.0.1:1/'}]}


@dataclass(frozen=True)
class RobotSetup:
    """How a robot begins: where, and with how much in its battery, percent."""

    name: str
    namespace: str
    pose: Pose | None
    battery: float | None
    configuration: Configuration = field(repr=False)


@dataclass(frozen=True)
class Given:
    """What a run begins with."""

    robots: Mapping[str, RobotSetup]
    map: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    real_time_factor: float | None = None
    limit: float = LIMIT
    parameters: Mapping[str, Any] = field(default_factory=dict)
    # The user's own, by name: the words of a command line, run in `folder`.
    programs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    folder: Path = Path()


@dataclass(frozen=True)
class Context:
    """What steps and checks may name."""

    robots: Mapping[str, RobotSetup]
    programs: Sequence[str] = ()

    def robot(self, part: Part) -> str:
        """Return the robot that a map names, or the only one."""
        named = part.get('robot')
        if named is not None:
            return named.one_of(tuple(self.robots))
        if len(self.robots) > 1:
            part.refuse(f'say which robot: robot: {" or ".join(self.robots)}')
        return next(iter(self.robots))

    def place(self, part: Part, robot: str) -> Pose:
        """Return the pose of a map that has place, or x and y."""
        return read_pose(part, self.robots[robot].configuration.data['places'])


def read_pose(part: Part, places: Mapping[str, Any]) -> Pose:
    """Return the pose of a map that has `place`, or `x`, `y` and `yaw`."""
    if (named := part.get('place')) is not None:
        place = places[named.one_of(tuple(places))]
        return Pose(place['x'], place['y'], place.get('yaw', 0.0))
    if 'x' not in part or 'y' not in part:
        part.refuse('say where: place: NAME, or x: and y:')
    yaw = part.get('yaw')
    return Pose(
        part['x'].quantity(POSITION),
        part['y'].quantity(POSITION),
        yaw.quantity(ANGLE) if yaw is not None else 0.0,
    )


def read_given(part: Part) -> Given:
    """
    Read what a run begins with.

    :raises ScenarioError: with all that is wrong.
    """
    problems = Problems()
    with problems.collected():
        part.map(KEYS, what='of what a run begins with')
    if not isinstance(part.value, dict):
        problems.raise_if_any()
    robots: dict[str, RobotSetup] = {}
    programs: Mapping[str, Sequence[str]] = {}
    map_file = None
    with problems.collected():
        map_file = part['map'].file_name() if 'map' in part else None
    with problems.collected():
        programs = _programs(part['programs']) if 'programs' in part else {}
    if 'robot' in part and 'robots' in part:
        part['robots'].refuse('either robot or robots')
    if 'robots' in part:
        if not part['robots'].map().value:
            part['robots'].refuse('expected at least one robot, such as robot_1: {place: dock}')
        for name, entry in part['robots'].items():
            with problems.collected():
                robots[name] = _robot(name, name, entry, part)
    else:
        entry = part['robot'] if 'robot' in part else _nothing(part)
        with problems.collected():
            robots[ROBOT] = _robot(ROBOT, '', entry, part)
    problems.raise_if_any()
    factor = part.get('real_time_factor')
    limit = part.get('limit')
    return Given(
        robots,
        map_file,
        part['settings'].map().value if 'settings' in part else {},
        factor.number(0.1, 10.0) if factor is not None else None,
        limit.quantity(DURATION) if limit is not None else LIMIT,
        part['simulation'].map(('scan_noise', 'dropout', 'speed')).value
        if 'simulation' in part
        else {},
        programs,
        part.file.parent,
    )


def _programs(part: Part) -> Mapping[str, Sequence[str]]:
    """Return the command lines of a map, each a text as a shell has it or a list of words."""
    problems = Problems()
    programs: dict[str, Sequence[str]] = {}
    for name, entry in part.map(what='of names and command lines').items():
        with problems.collected():
            if not _NAME.fullmatch(name):
                entry.refuse('expected a name of letters, digits, _ and -')
            if isinstance(entry.value, list):
                words = [word.text() for word in entry.list()]
            else:
                try:
                    words = shlex.split(entry.text())
                except ValueError as error:
                    entry.refuse(f'cannot be read as a command line: {error}')
            if not words:
                entry.refuse('expected a command line, such as ros2 run my_robot arm')
            programs[name] = words
    problems.raise_if_any()
    return programs


def _nothing(part: Part) -> Part:
    part.value = {**part.value, 'robot': {}}
    return part['robot']


def _robot(name: str, namespace: str, part: Part, given: Part) -> RobotSetup:
    part.map(('place', 'x', 'y', 'yaw', 'battery', 'config'), what='of a robot')
    configuration = _configuration(name, part.get('config') or given.get('config'), given)
    pose = None
    if {'place', 'x', 'y'} & part.value.keys():
        pose = read_pose(part, configuration.data['places'])
    battery = part.get('battery')
    return RobotSetup(
        name,
        namespace,
        pose,
        battery.quantity(PERCENT) if battery is not None else None,
        configuration,
    )


def _configuration(robot: str, config: Part | None, given: Part) -> Configuration:
    """
    Configuration of a robot: its files over the package's own, or its part of a fleet's folder.

    `config` lists files, or the folder of a fleet and the robot's name there.
    """
    settings = given['settings'].map().value if 'settings' in given else {}
    place = given['settings'].where if 'settings' in given else given.where
    entries = config.list() if config is not None else []
    files = [_file(entry) for entry in entries]
    if files and is_fleet(files[0]):
        member = entries[1].text() if len(entries) > 1 else robot
        try:
            found = FleetFolder(files[0], on_robot=False).member(member).configuration
            return checked(merge(found.data, settings)) if settings else found
        except ConfigurationError as error:
            here = f'{place}: settings:'
            problems = [problem.replace('configuration:', here, 1) for problem in error.problems]
            raise ScenarioError(problems) from None
    for entry, file in zip(entries, files, strict=True):
        if not file.exists():
            entry.refuse(f'there is no file {file}')
    own = [share('config', name) for name in DEFAULTS]
    with tempfile.TemporaryDirectory() as folder:
        link, over = Path(folder) / 'link.yaml', Path(folder) / 'settings.yaml'
        link.write_text(json.dumps(_ANY_LINK))
        over.write_text(json.dumps(settings))
        try:
            return load([*own, link, *files, over], robot_id=robot)
        except ConfigurationError as error:
            # Of the settings the line is that of the section: they were read with the scenario.
            problems = [
                re.sub(rf'{re.escape(str(over))}(:\d+)*', f'{place}: settings', problem)
                for problem in error.problems
            ]
            raise ScenarioError(problems) from None


def _file(entry: Part) -> Path:
    return entry.file.parent / Path(entry.text()).expanduser()
