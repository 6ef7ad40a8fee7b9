# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Fallback and AsyncFallback: children in order, until one succeeds.

- A RUNNING child: RUNNING; the next tick goes on with that child.
- A child that succeeded: SUCCESS.
- A SKIPPED child is passed over; if all were skipped, so is the fallback.
- All others: FAILURE.

AsyncFallback returns RUNNING after each child that failed at once and asks to be woken, so that
something else can interrupt it between two children.
"""

from __future__ import annotations

from .. import viewers
from ..node import FAILURE, SUCCESS
from .in_order import InOrder


class Fallback(InOrder, viewers.Selector):  # type: ignore[misc]
    """Ticks its children in order; succeeds with the first that succeeds."""

    memory = True
    goes_on = FAILURE
    ends = SUCCESS


class AsyncFallback(Fallback):
    """A Fallback that can be interrupted between children that fail at once."""

    pauses = True
