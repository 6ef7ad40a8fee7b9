# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Start the bridges of a fleet's folder in their namespaces, with their remappings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
import re
import socket

from ..configuration import ConfigurationError
from ..errors import BadInput
from .folder import FleetFolder, is_fleet, Launch
from .manifest import ROBOT_FILE
from .source import of_bundle

# As Nav2, turtlebot4 and clearpath robots do: one in a namespace has transforms of its own.
_OWN_TF = {'/tf': 'tf', '/tf_static': 'tf_static'}
_COMMON_TF = {own: common for common, own in _OWN_TF.items()}


class LaunchError(BadInput):
    """Bridges cannot be started side by side; says why."""


def launch_of(folder: Path, robot_id: str = '') -> Launch:
    """
    Return how the bridge of one robot is started; without a name that of this host.

    :raises ConfigurationError: with all that is wrong with its configuration.
    """
    fleet = FleetFolder(folder)
    return fleet.member(robot_id or socket.gethostname()).launch


def launches_of(folder: Path, names: Sequence[str] = ()) -> dict[str, Launch]:
    """
    Return how the bridges of several robots, by default all, are started in one ROS graph.

    Each has a namespace: its own, else its name.

    :raises ConfigurationError: with all that is wrong with a configuration.
    :raises LaunchError: if two of them would share a namespace.
    """
    fleet = FleetFolder(folder)
    launches: dict[str, Launch] = {}
    for name in names or fleet.names:
        launch = fleet.member(name).launch
        namespace = launch.namespace or name
        if not re.fullmatch(r'[A-Za-z_][\w/]*', namespace, re.ASCII):
            raise LaunchError(
                f'{name}: ROS does not allow this name for a namespace; give one by '
                'launch: {namespace: …}'
            )
        for other, others in launches.items():
            if others.namespace == namespace:
                raise LaunchError(f'{other} and {name} have the same namespace, {namespace}')
        launches[name] = replace(launch, namespace=namespace)
    return launches


def remappings(launch: Launch, *, namespaced_tf: bool = True) -> list[tuple[str, str]]:
    """Return the remappings of a bridge: those of its namespace, and its own over them."""
    if not launch.namespace:
        return list(launch.remappings.items())
    # By itself a bridge in a namespace takes the transforms of it.
    tf = _OWN_TF if namespaced_tf else _COMMON_TF
    return list({**tf, **launch.remappings}.items())


def launch_arguments(folder: Path, robot_id: str = '') -> list[str]:
    """
    Return what ROS is to be given where a bridge is started from a folder without a launch file.

    The folder is a bundle's or a fleet's; one that cannot be read has none.
    """
    try:
        if is_fleet(folder):
            launch = launch_of(folder, robot_id)
        elif b'launch:' in (folder / ROBOT_FILE).read_bytes():
            launch = of_bundle(folder).launch
        else:
            return []
    except (ConfigurationError, OSError):
        return []
    arguments = [f'{name}:={other}' for name, other in remappings(launch)]
    if launch.namespace:
        arguments.insert(0, f'__ns:=/{launch.namespace}')
    flags = [word for argument in arguments for word in ('-r', argument)]
    return [*flags, '-p', 'use_sim_time:=true'] if launch.use_sim_time else flags
