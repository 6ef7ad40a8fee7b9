# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Tell features what passes through the bridge: at no cost where none asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .messages import CommandStatus, RemoteCommand


@dataclass
class Observers:
    """
    Calls to make, each None while nobody wants it. They are fast, wait for nothing, raise nothing.

    They are set before the links dial, and not after.
    """

    # Name of the link, 'in' or 'out', and the frame as it is on the wire; in the link thread.
    frame: Callable[[str, str, Any], object] | None = None
    # Who gave a command, and the command; on the ROS thread.
    order: Callable[[str, RemoteCommand], object] | None = None
    # Who gave it, and each change of its state; on the ROS thread.
    command: Callable[[str, CommandStatus], object] | None = None
    # The same when it has ended, before anybody is told; returns what is told of it.
    ended: Callable[[CommandStatus], CommandStatus] | None = None
