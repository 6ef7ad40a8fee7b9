# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a scenario is, and how it is read from its file; docs/testing.md is the user's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .checks import read_check
from .checks.base import Check
from .document import Part, Problems, read
from .given import Context, Given, read_given
from .steps import read_step
from .steps.base import Step


@dataclass(frozen=True)
class Scenario:
    """A file of steps and of what must come of them."""

    name: str
    file: Path
    description: str
    given: Given
    steps: Sequence[Step]
    checks: Sequence[Check]

    @property
    def needs(self) -> dict[str, str]:
        """What a world must be able to do, and the first place that needs it."""
        needs: dict[str, str] = {}
        for step in self.steps:
            for need in step.needs:
                needs.setdefault(need, step.where)
        return needs


def load_scenario(file: Path) -> Scenario:
    """
    Read a scenario.

    :raises ScenarioError: with all that is wrong, each with file and line.
    """
    scenario: Scenario = read(file, _read)
    return scenario


def _read(part: Part) -> Scenario:
    problems = Problems()
    with problems.collected():
        part.map(('description', 'given', 'steps', 'then'), required=('steps',))
    if not isinstance(part.value, dict):
        problems.raise_if_any()
    given = None
    with problems.collected():
        given = read_given(part.get('given') or _empty(part))
    steps: list[Step] = []
    checks: list[Check] = []
    # Without robots and places whatever names them would be wrong as well.
    if given is not None:
        context = Context(given.robots, tuple(given.programs))
        with problems.collected():
            for entry in part['steps'].list() if 'steps' in part else []:
                with problems.collected():
                    steps.append(read_step(entry, context))
        with problems.collected():
            for entry in part['then'].list() if 'then' in part else []:
                with problems.collected():
                    checks.append(read_check(entry, context))
    problems.raise_if_any()
    assert given is not None
    description = part['description'].text() if 'description' in part else ''
    return Scenario(part.file.stem, part.file, description, given, steps, checks)


def _empty(part: Part) -> Part:
    part.value = {**part.value, 'given': {}}
    return part['given']
