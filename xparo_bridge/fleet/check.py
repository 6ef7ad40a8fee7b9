# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config check`: everything that is wrong with the configurations of all robots."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, field
import json
from typing import Any

from ..configuration import ConfigurationError
from ..yaml_layers import Place, Problem
from . import ros_checking
from .checking import Checks
from .subject import Subject

# Robots that are named with a problem that many have.
_NAMED = 5


@dataclass
class Report:
    """What was found; each problem with the robots that have it."""

    robots: int = 0
    problems: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    over: str = ''

    def add(self, problem: str, robot: str = '') -> None:
        """Take a problem that a robot has."""
        _, robots = self.problems.setdefault(str(problem), (problem, []))
        if robot and robot not in robots:
            robots.append(robot)

    def sorted(self) -> list[tuple[Any, list[str]]]:  # noqa: A003
        """All problems, in the order of files and lines."""
        return sorted(self.problems.values(), key=lambda found: _by_place(found[0]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        'what', nargs='*', metavar='FOLDER|FILE', help='the folder of a fleet, or files in layers'
    )
    parser.add_argument(
        '--format', choices=('text', 'json', 'github'), default='text', help='how to say it'
    )
    parser.add_argument(
        '--alone', action='store_true', help="take the files alone, not over the package's own"
    )
    parser.add_argument(
        '--no-ros',
        action='store_true',
        help='leave out what needs the ROS types of the robot, also where they are installed',
    )


def run(options: argparse.Namespace) -> int:
    """Print the report; an exit code."""
    report = check(Subject(options.what, alone=options.alone), with_ros=not options.no_ros)
    print('\n'.join(_FORMATS[options.format](report)))
    return 1 if report.problems else 0


def check(subject: Subject, *, with_ros: bool = True) -> Report:
    """Look at all robots of a subject."""
    report = Report(over=subject.over)
    for problem in subject.problems:
        report.add(problem)
    checks = Checks()
    ros = with_ros and ros_checking.installed()
    with ros_checking.open_checks() if ros else contextlib.nullcontext() as ros_checks:
        for name in subject.names:
            report.robots += 1
            try:
                configuration = subject.configuration(name)
                found: list[str] = []
            except ConfigurationError as error:
                found = list(error.problems)
                if error.rest is not None and 'links' not in error.rest.broken:
                    found += checks.problems(error.rest)
            else:
                found = checks.problems(configuration)
                if ros_checks is not None and not found:
                    found = ros_checks.problems(configuration)
            for problem in found:
                report.add(problem, name)
    if not ros:
        reason = 'ROS is not installed here' if with_ros else 'as asked'
        report.unchecked.append(f'ROS types, their fields, and templates of commands ({reason})')
    for kind in sorted(checks.unknown_kinds):
        if not ros:
            report.unchecked.append(f'settings of commands of kind {kind}, of another package')
    report.unchecked.append("credentials, certificates and folders of the robot's own")
    return report


def _by_place(problem: str) -> tuple[str, int, int]:
    place = getattr(problem, 'place', None)
    if isinstance(place, Place):
        return place.file, place.line, place.column
    return str(problem), 0, 0


def _where(problem: str) -> str:
    """Return a problem as compilers print theirs: file:line:column: key: words."""
    if isinstance(problem, Problem) and problem.place is not None:
        place = problem.place
        key = f'{problem.key}: ' if problem.key else ''
        return f'{place.file}:{place.line}:{place.column}: {key}{problem.words}'
    return str(problem)


def _as_text(report: Report) -> Iterator[str]:
    for problem, robots in report.sorted():
        of = ''
        if robots and robots != [''] and report.robots > 1:
            more = len(robots) - _NAMED
            named = ', '.join(robots[:_NAMED]) + (f' and {more} more' if more > 0 else '')
            of = ' [all robots]' if len(robots) == report.robots else f' [{named}]'
        yield _where(problem) + of
    robots_ = f'{report.robots} robot{"" if report.robots == 1 else "s"}'
    count = len(report.problems)
    over = f', {report.over}' if report.over else ''
    yield f'{robots_}, {count} problem{"" if count == 1 else "s"}{over}'
    for what in report.unchecked:
        yield f'not checked: {what}'


def _as_json(report: Report) -> Iterator[str]:
    problems = []
    for problem, robots in report.sorted():
        place = getattr(problem, 'place', None)
        problems.append(
            {
                'file': place.file if place else None,
                'line': place.line if place else None,
                'column': place.column if place else None,
                'key': getattr(problem, 'key', ''),
                'message': getattr(problem, 'words', str(problem)),
                'robots': [robot for robot in robots if robot],
            }
        )
    yield json.dumps(
        {'robots': report.robots, 'problems': problems, 'unchecked': report.unchecked}, indent=2
    )


def _as_github(report: Report) -> Iterator[str]:
    """Say it as annotations of GitHub's workflows."""
    for problem, _ in report.sorted():
        place = getattr(problem, 'place', None)
        at = f' file={_property(place.file)},line={place.line},col={place.column}' if place else ''
        key = getattr(problem, 'key', '')
        text = getattr(problem, 'words', str(problem))
        message = f'{key}: {text}' if key else text
        yield f'::error{at}::{_data(message)}'
    yield f'{report.robots} robots, {len(report.problems)} problems'


def _data(text: str) -> str:
    return text.replace('%', '%25').replace('\r', '%0D').replace('\n', '%0A')


def _property(text: str) -> str:
    return _data(text).replace(':', '%3A').replace(',', '%2C')


_FORMATS = {'text': _as_text, 'json': _as_json, 'github': _as_github}
