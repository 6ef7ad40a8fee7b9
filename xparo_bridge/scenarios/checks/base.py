# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a check is: something that must hold of a whole run, judged when its steps are over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ..document import Part
from ..given import Context
from ..stage import Stage


@dataclass(kw_only=True)
class Check(ABC):
    """One entry of `then`."""

    name: ClassVar[str]

    where: str = ''
    text: str = ''

    @classmethod
    @abstractmethod
    def read(cls, part: Part, context: Context) -> Check:
        """
        Read it.

        :raises Wrong: if it is not what it must be.
        """

    async def settle(self, stage: Stage) -> None:  # noqa: B027 - most judge what has been
        """Wait, when the steps are over, for what may be on its way."""

    @abstractmethod
    def problem(self, stage: Stage) -> str:
        """Return why it does not hold; empty if it does."""
