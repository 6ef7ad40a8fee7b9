# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The checks of scenarios by name, what `then` may hold; docs/testing.md has each."""

from __future__ import annotations

from ..document import Part
from ..given import Context
from ..steps.base import brief
from . import platform, robot
from .base import Check

CHECKS: dict[str, type[Check]] = {
    check.name: check for room in (robot, platform) for check in room.CHECKS
}


def read_check(part: Part, context: Context) -> Check:
    """
    Read one entry of `then`, a map of one key.

    :raises Wrong: for what is no check.
    """
    part.map(tuple(CHECKS), what='of one check')
    if len(part.value) != 1:
        part.refuse(f'one check an entry, each after a "- "; here are {", ".join(part.value)}')
    name, inner = next(part.items())
    check = CHECKS[name].read(inner, context)
    check.where = inner.where
    check.text = f'{name}: {brief(inner.value)}'
    return check
