# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What there is one of for each node, or for each client of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar('T')


def one_of(owner: Any, kind: type[T], make: Callable[[], T]) -> T:
    """
    Return the owner's object of a class, made when it is first asked for.

    It is kept in the owner itself. A WeakKeyDictionary would hold both for ever where the object
    holds its owner, and what is left of a node goes on in its ROS domain.
    """
    attribute = f'_xparo_{kind.__name__}'
    found: T | None = getattr(owner, attribute, None)
    if found is None:
        found = vars(owner).setdefault(attribute, make())  # Of two threads the first one's counts.
    return found


def share(owner: Any, kind: type[T], shared: T) -> None:
    """Let an owner have an object of another one."""
    setattr(owner, f'_xparo_{kind.__name__}', shared)
