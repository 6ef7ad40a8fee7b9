# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Describe what an expectation of a scenario is: it is looked at until it is met, or too late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import re
from typing import Any, ClassVar

from ..document import Part
from ..failures import Failed
from ..given import Context
from ..quantities import DURATION
from ..stage import Stage
from .base import Step

# s of real time that what processes say is waited for at least: where the world runs ten times as
# fast as real time, a bridge computes no faster, and 5 s there would be half a second.
_ANSWER = 5.0
_SOON = 10.0  # s that is waited where a step names no time


def pattern(part: Part) -> str:
    """Return a regular expression."""
    try:
        re.compile(part.text())
    except re.error as error:
        part.refuse(f'no regular expression: {error}')
    return part.text()


@dataclass(kw_only=True)
class Expectation(Step):
    """One expectation: `look` is asked until it says that it is met."""

    name: ClassVar[str] = 'expect'
    acts: ClassVar[bool] = False
    within: float
    robot: str
    key: ClassVar[str] = ''
    real: ClassVar[float] = _ANSWER
    others: ClassVar[Sequence[str]] = ()

    robot_is_optional: ClassVar[bool] = False

    @classmethod
    def read(cls, part: Part, context: Context) -> Expectation:
        part.map((cls.key, *cls.others, 'within', 'robot'))
        within = part['within'].quantity(DURATION) if 'within' in part else _SOON
        robot = '' if cls.robot_is_optional and 'robot' not in part else context.robot(part)
        return cls(within=within, robot=robot, **cls.arguments(part, context))

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        """Read what is of this kind alone."""
        raise NotImplementedError

    async def play(self, stage: Stage) -> None:
        look = self.look(stage)
        if not await stage.timeline.until(look, self.within, self.real):
            raise Failed(self.missed(stage))

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        """Return what says True when it is met, and None as long as it may be."""
        raise NotImplementedError

    def missed(self, stage: Stage) -> str:
        """Say what was instead."""
        raise NotImplementedError
