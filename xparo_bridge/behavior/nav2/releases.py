# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read the node types of a release of Nav2: config/nav2/RELEASE.json, made from its sources.

A tree may use the node types and ports of any release; what a robot's interfaces lack is reported
when a tree is made. `manifest_of` has those of one release, for `check_tree --nav2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...json_reader import read_own
from ...share import share
from ..manifest import Manifest
from ..ports import Direction, Port, PortType, type_named
from ..status import NodeKind
from .types import DURATION, INTEGERS, MILLISECONDS, PATH, POSE, POSES, ROUTE

# From the oldest to the newest.
RELEASES = ('humble', 'jazzy', 'kilted', 'lyrical', 'main')
# Whose types and defaults count where releases differ: the one whose interfaces the bridge brings.
_FIRST = 'jazzy'
_DIRECTIONS = {
    'input': Direction.INPUT,
    'output': Direction.OUTPUT,
    'bidirectional': Direction.INOUT,
}
# C++ types by their names in the headers. Goals are a list of poses in some releases and a message
# around one in others; the bridge has the list, and makes what an interface wants.
_TYPES: dict[str, PortType] = {
    'geometry_msgs::msg::PoseStamped': POSE,
    'std::vector<geometry_msgs::msg::PoseStamped>': POSES,
    'vector<geometry_msgs::msg::PoseStamped>': POSES,
    'nav_msgs::msg::Goals': POSES,
    'Goals': POSES,
    'nav_msgs::msg::Path': PATH,
    'std::chrono::milliseconds': MILLISECONDS,
    'chrono::milliseconds': MILLISECONDS,
    'nav2_msgs::msg::Route': ROUTE,
    'builtin_interfaces::msg::Duration': DURATION,
    'ActionResult::_route_type': ROUTE,
    'ActionResult::_total_elapsed_time_type': DURATION,
}
_RESULT_TYPES = {
    '_error_code_type': 'uint16',
    '_success_type': 'bool',
    '_num_retries_type': 'uint16',
}


def _data(release: str) -> Mapping[str, Any]:
    nodes: Mapping[str, Any] = read_own(share('config', 'nav2', f'{release}.json').read_bytes())[
        'nodes'
    ]
    return nodes


def manifest_of(release: str) -> Mapping[str, frozenset[str]]:
    """The node types of a release, each with the names of its ports."""
    return {name: frozenset(node['ports']) for name, node in _data(release).items()}


def manifests() -> list[Manifest]:
    """The node types of all releases with all their ports, none of which can run yet."""
    found: dict[str, Manifest] = {}
    for release in (_FIRST, *(each for each in reversed(RELEASES) if each != _FIRST)):
        for name, node in _data(release).items():
            kind = NodeKind(node['kind'])
            known = found.get(name)
            ports = {key: _port(key, port) for key, port in node['ports'].items()}
            if known is not None:
                # What a port has no type for in one release may have one in another.
                ports = {
                    **ports,
                    **{
                        key: port
                        for key, port in known.ports.items()
                        if port.type.is_strong or key not in ports
                    },
                }
                kind = known.kind
            found[name] = Manifest(name, kind, ports)
    return [found[name] for name in sorted(found)]


def _port(name: str, port: Mapping[str, str]) -> Port:
    kind = port['type']
    known = _TYPES.get(kind)
    if known is None:
        known = type_named(_RESULT_TYPES.get(kind.rpartition('::')[2], kind))
    if name == 'error_codes_to_check':
        known = INTEGERS if 'set' in kind else type_named('std::vector<int>')
    # The children of a RoundRobin without the port are taken in turns without end, as in Jazzy.
    default = '' if name == 'wrap_around' else port.get('default', '')
    return Port(name, _DIRECTIONS[port['direction']], known, default)
