# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a step of a scenario is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from ..document import Part
from ..given import Context
from ..stage import Stage


@dataclass(kw_only=True)
class Step(ABC):
    """One step: read from its file before anything starts, played in its turn."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()  # of worlds.base.FAULTS
    # Whether it does something, of which later steps may expect that something comes.
    acts: ClassVar[bool] = True

    where: str = ''
    text: str = ''

    @classmethod
    @abstractmethod
    def read(cls, part: Part, context: Context) -> Step:
        """
        Read it; `part` is what stands behind its name.

        :raises Wrong: if it is not what it must be.
        """

    async def prepare(self, stage: Stage) -> None:  # noqa: B027 - most have nothing to prepare
        """Do what must be done before the first step, such as to subscribe."""

    @abstractmethod
    async def play(self, stage: Stage) -> None:
        """
        Do it.

        :raises Failed: if it cannot be done, or is not what was expected.
        """


def brief(value: Any) -> str:
    """Return a value in a line, as YAML writes it."""
    if isinstance(value, dict):
        return '{' + ', '.join(f'{key}: {brief(item)}' for key, item in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ', '.join(brief(item) for item in value) + ']'
    if isinstance(value, bool):
        return str(value).lower()
    text = 'null' if value is None else str(value)
    return text if len(text) < 60 else text[:57] + '…'
