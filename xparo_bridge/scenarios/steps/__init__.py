# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The steps of scenarios by name; docs/testing.md has each with an example.

A step is a class in a file here; to add one is to add it to that file's `STEPS`.
"""

from __future__ import annotations

from ..document import Part
from ..given import Context
from . import commands, expect, link, robot, ros
from .base import brief, Step

STEPS: dict[str, type[Step]] = {
    step.name: step for room in (commands, expect, link, robot, ros) for step in room.STEPS
}


def read_step(part: Part, context: Context) -> Step:
    """
    Read one entry of `steps`, a map of one key.

    :raises Wrong: for what is no step.
    """
    part.map(tuple(STEPS), what='of one step')
    if len(part.value) != 1:
        part.refuse(f'one step an entry, each after a "- "; here are {", ".join(part.value)}')
    name, inner = next(part.items())
    step = STEPS[name].read(inner, context)
    step.where = inner.where
    step.text = name if inner.value in (None, {}) else f'{name}: {brief(inner.value)}'
    return step
