# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The step `expect`: something must come about within a time.

| what | it is met when |
|---|---|
| status: running, of: NAME, error: CODE, result: {…} | the command, or the last, has had it |
| tree: NAME, state: succeeded | the tree that was pushed is so |
| chat: REGEX | the robot says it, from now on |
| telemetry: {KEY: CONDITION} | the latest values are so |
| connected: true | the platform has the robot's connection, or not |
| pose: {place: P, within: 0.3 m} | the robot is there |
| moving: true | it moves, or stands |
| topic: NAME, type: T, where: {FIELD: CONDITION} | such a message comes, from now on |
| log: REGEX | the bridge prints it, from its start on |
"""

from __future__ import annotations

from ..document import Part
from ..given import Context
from .expect_platform import Connected, Said, Status, Telemetry, Tree
from .expect_robot import At, Log, Message, Moving
from .expectation import Expectation

KINDS: tuple[type[Expectation], ...] = (
    Status,
    Tree,
    Said,
    Telemetry,
    Connected,
    At,
    Moving,
    Message,
    Log,
)


class Expect(Expectation):
    """Reads an expectation of one of the kinds."""

    @classmethod
    def read(cls, part: Part, context: Context) -> Expectation:
        kinds = {kind.key: kind for kind in KINDS}
        part.map()
        found = [key for key in kinds if key in part.value]
        if len(found) != 1:
            part.map((*kinds, 'within', 'robot'))
            part.refuse(f'expected one of {", ".join(kinds)}')
        return kinds[found[0]].read(part, context)


STEPS = (Expect,)
