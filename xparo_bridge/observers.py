# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Notify features of what passes through the bridge: at no cost where none asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .faults import FAULTS
from .messages import CommandStatus, RemoteCommand


@dataclass
class Observers:
    """
    Calls to make by `notify`, each None while nobody wants it. They are fast and wait for nothing.

    They are set before the links dial, and not after.
    """

    # Name of the link, 'in' or 'out', and the frame as it is on the wire; in the link thread.
    frame: Callable[[str, str, Any], object] | None = None
    # Who gave a command, and the command; on the ROS thread.
    order: Callable[[str, RemoteCommand], object] | None = None
    # Who gave it, and each change of its state; on the ROS thread.
    command: Callable[[str, CommandStatus], object] | None = None
    # The same when it has ended, before it is reported; returns what is reported.
    ended: Callable[[CommandStatus], CommandStatus] | None = None


def notify(observer: Callable[..., Any] | None, *values: Any) -> Any:
    """Call an observer if there is one; None if there is none, or it had a fault."""
    if observer is None:
        return None
    try:
        return observer(*values)
    except Exception as error:  # What passes must arrive, whoever looks on.
        FAULTS.note('an observer', error)
        return None
