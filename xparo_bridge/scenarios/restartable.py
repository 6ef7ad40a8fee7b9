# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the processes of a scenario that can be killed and started again have in common."""

from __future__ import annotations

import signal

from ..local.children import Child


class Restartable:
    """A process that ends at the will of a scenario, or by itself; a subclass starts it."""

    def __init__(self) -> None:
        """Have none yet."""
        self._child: Child | None = None
        self.ended_at_will = False

    @property
    def child(self) -> Child | None:
        """Its process, None while it is down at will."""
        return None if self.ended_at_will else self._child

    async def kill(self, number: signal.Signals) -> None:
        """End it by a signal, and wait until it is gone."""
        self.ended_at_will = True
        if self._child is not None:
            self._child.kill(number)
            await self._child.wait()

    async def stop(self) -> None:
        """End it politely."""
        self.ended_at_will = True
        if self._child is not None:
            await self._child.stop()
