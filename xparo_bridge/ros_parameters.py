# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find ROS parameters that were given to the bridge and that it does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .alike import alike

if TYPE_CHECKING:
    from rclpy.node import Node

# Declared by parts of the bridge that are made later, or by rclpy itself.
_LATER = frozenset({'audio_rate', 'audio_channels', 'use_sim_time'})
_MANY = ('telemetry.rate.', 'qos_overrides.', 'start_type_description_service')


def unknown_parameters(node: Node, ros_args: Sequence[str]) -> list[str]:
    """
    Return what is wrong with the parameters of a command line, one sentence for each unknown.

    Those of a file are left out: it may be shared with nodes that know them.
    """
    known = sorted({*_LATER, 'config', 'robot_id'})
    found = []
    for owner, name in _given(ros_args):
        ours = owner.strip('/').rsplit('/', 1)[-1] in ('', '*', '**', node.get_name())
        if not ours or node.has_parameter(name) or name in known or name.startswith(_MANY):
            continue
        near = alike(name, known)
        hint = f'did you mean {near[0]}?' if near else f'known: {", ".join(known)}'
        found.append(f'no parameter {name}; {hint}')
    return found


def _given(ros_args: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Node, empty for all, and name of each parameter of a command line."""
    for flag, value in zip(ros_args, ros_args[1:], strict=False):
        if flag in ('-p', '--param') and ':=' in value:
            owner, _, name = value.split(':=', 1)[0].rpartition(':')
            yield owner, name
