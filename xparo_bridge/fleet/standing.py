# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Compare what robots say they run with what a fleet's folder has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import json
import time
from typing import Any

from ..configuration import ConfigurationError
from ..rollout.folder import FleetFolder
from ..rollout.making import content_of
from ..rollout.store import APPLIED, REFUSED, ROLLED_BACK, TRIAL
from .git import revision_of, version_of
from .reports import Report

# How a robot stands beside the folder.
CURRENT, BEHIND, AHEAD, ON_TRIAL, NOTHING, UNKNOWN = (
    'up to date',
    'behind',
    'ahead',
    'on trial',
    'has none',
    'unknown',
)
ORPHAN = 'not in the folder'
# A report that is older is shown with its age, s.
_FRESH = 300.0
_UNITS = ((86400.0, 'd'), (3600.0, 'h'), (60.0, 'min'), (1.0, 's'))


@dataclass(frozen=True)
class Desired:
    """What the folder has for a robot: the hash of what it says, and its version."""

    robot: str
    content: str
    version: int


@dataclass(frozen=True)
class Standing:
    """A robot beside the folder: one of the words above, its report, and what is desired."""

    robot: str
    how: str
    report: Report | None = None
    desired: Desired | None = None

    @property
    def is_right(self) -> bool:
        """Whether there is nothing to be done or looked at."""
        report = self.report
        if self.how != CURRENT or report is None:
            return False
        return not report.drift and report.state == APPLIED and report.connected is not False

    @property
    def needs_it(self) -> bool:
        """Whether a rollout would give it another configuration."""
        return self.how not in (CURRENT, AHEAD, ORPHAN)


def desired(folder: FleetFolder, names: list[str]) -> dict[str, Desired]:
    """
    Return what the folder has for robots.

    :raises ConfigurationError: with all that is wrong with any of them.
    """
    _, version = version_of(revision_of(folder.path))
    found: dict[str, Desired] = {}
    problems = {str(problem): problem for problem in folder.problems}
    for name in names:
        try:
            content = content_of(folder.member(name), folder.path)
        except ConfigurationError as error:
            problems |= {str(problem): problem for problem in error.problems}
            continue
        found[name] = Desired(name, content, version)
    if problems:
        raise ConfigurationError(list(problems.values()))
    return found


def standings(
    desired: Mapping[str, Desired], reports: Mapping[str, Report], *, all_robots: bool = True
) -> list[Standing]:
    """Return how each robot stands; with `all_robots` also those that the folder has not."""
    found = [
        Standing(name, _how(each, reports.get(name)), reports.get(name), each)
        for name, each in desired.items()
    ]
    if all_robots:
        found += [
            Standing(name, ORPHAN, report)
            for name, report in sorted(reports.items())
            if name not in desired
        ]
    return found


def _how(desired: Desired, report: Report | None) -> str:
    if report is None:
        return UNKNOWN
    if not report.hash:
        return NOTHING
    if report.state == TRIAL:
        return ON_TRIAL
    if report.content and report.content == desired.content:
        return CURRENT
    return AHEAD if report.version > desired.version else BEHIND


def lines(each: Standing, now: float | None = None) -> Iterator[str]:
    """Say how a robot stands, in one line, and what is wrong in further ones."""
    report = each.report
    if report is None:
        yield f'{each.robot}: {UNKNOWN}: no report of it'
        return
    now = time.time() if now is None else now
    runs = f'version {report.version}, {report.made_from}' if report.hash else 'no configuration'
    lost = '' if report.connected is not False else ', not connected'
    age = now - report.at
    old = f', as of {ago(age)} ago' if age > _FRESH else ''
    state = '' if report.state in ('', APPLIED) else f', {report.state}'
    yield f'{each.robot}: {each.how}: {runs}{state}{lost}{old}'
    if report.reason and report.state in (ROLLED_BACK, REFUSED):
        yield f'    {report.state}: {report.reason}'
    if report.pending:
        yield f'    waits until it stands for {report.pending}'
    yield from (f'    changed by hand: {place}' for place in report.drift)


def ago(seconds: float) -> str:
    """Say a time in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f'{seconds / size:.0f} {unit}'
    return '0 s'


def as_json(each: Standing) -> dict[str, Any]:
    """Return how a robot stands for machines."""
    report, desired = each.report, each.desired
    found: dict[str, Any] = {'robot': each.robot, 'standing': each.how, 'right': each.is_right}
    if desired is not None:
        found |= {'wanted_version': desired.version, 'wanted_content': desired.content}
    if report is not None:
        found |= {
            'version': report.version,
            'hash': report.hash,
            'content': report.content,
            'made_from': report.made_from,
            'state': report.state,
            'reason': report.reason,
            'drift': list(report.drift),
            'pending': report.pending,
            'connected': report.connected,
            'at': report.at,
        }
    return found


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2))
