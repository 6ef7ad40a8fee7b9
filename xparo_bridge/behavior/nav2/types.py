# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read and write values of ROS types as text in a tree, as Nav2's trees do.

A literal becomes plain dictionaries and lists with the fields of the message, or of JSON after
'json:'; whoever fills a message takes them from there. The forms are those of Nav2's
`bt_utils.hpp` (Jazzy): a pose is 'stamp;frame;x;y;z;qx;qy;qz;qw' with the stamp in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable
import json
import re
from typing import Any

from ...json_reader import JsonError, read_json
from ..errors import ConversionError
from ..ports import add_type, INT, opaque, PortType, split
from ..values import clip, INT64_MAX, parse_integer, parse_real, to_integer

_POSE_FIELDS = 9
_NUMBER = re.compile(r'[-+]?[\d.]+([eE][-+]?\d+)?')


def _json_or(parse: Callable[[list[str]], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if not text.startswith('json:'):
            return parse(split(text))
        try:
            return read_json(text[5:])
        except JsonError as error:
            raise ConversionError(f'{clip(text)!r}: {error}') from error

    return read


def _fields(names: str) -> Callable[[list[str]], dict[str, float]]:
    def parse(parts: list[str]) -> dict[str, float]:
        if len(parts) != len(names):
            raise ConversionError(f'{len(parts)} numbers are given for {";".join(names)}')
        return {name: parse_real(part) for name, part in zip(names, parts, strict=True)}

    return parse


_point = _fields('xyz')
_quaternion = _fields('xyzw')


def _header(stamp: str, frame: str) -> dict[str, Any]:
    seconds, nanoseconds = divmod(parse_integer(stamp), 10**9)
    return {'stamp': {'sec': seconds, 'nanosec': nanoseconds}, 'frame_id': frame}


def _refuse_names(parts: list[str]) -> None:
    """
    Say what drives to a place, where one seems to be named.

    Nav2 knows no places, and a tree with them in its ports would be none of Nav2's.

    :raises ConversionError: if none of the parts is a number.
    """
    if parts and all(part and not _NUMBER.fullmatch(part) for part in parts):
        one = f'goal="{parts[0]}"'
        many = f"parameters='json:{json.dumps({'goals': parts})}'"
        raise ConversionError(
            f'{clip(";".join(parts))!r} is no pose (stamp;frame;x;y;z;qx;qy;qz;qw); to places by '
            'their names drives <RemoteCommand command="start_navigation" '
            f'{clip(one if len(parts) == 1 else many)}/>'
        )


def _pose(parts: list[str]) -> dict[str, Any]:
    if len(parts) != _POSE_FIELDS:
        _refuse_names(parts)
        raise ConversionError(f'a pose is stamp;frame;x;y;z;qx;qy;qz;qw, not {len(parts)} parts')
    return {
        'header': _header(parts[0], parts[1]),
        'pose': {'position': _point(parts[2:5]), 'orientation': _quaternion(parts[5:])},
    }


def _poses(parts: list[str]) -> list[dict[str, Any]]:
    if len(parts) % _POSE_FIELDS:
        _refuse_names(parts)
        raise ConversionError(f'{len(parts)} parts are not poses of {_POSE_FIELDS} parts each')
    return [_pose(parts[at : at + _POSE_FIELDS]) for at in range(0, len(parts), _POSE_FIELDS)]


def _path(parts: list[str]) -> dict[str, Any]:
    if len(parts) < 2:
        raise ConversionError('a path begins with stamp;frame')
    return {'header': _header(parts[0], parts[1]), 'poses': _poses(parts[2:])}


POSE = add_type(opaque('geometry_msgs::msg::PoseStamped', _json_or(_pose)))
POSES = add_type(opaque('std::vector<geometry_msgs::msg::PoseStamped>', _json_or(_poses)))
PATH = add_type(opaque('nav_msgs::msg::Path', _json_or(_path)))
ROUTE = add_type(opaque('nav2_msgs::msg::Route'))
DURATION = add_type(opaque('builtin_interfaces::msg::Duration'))
POINT = add_type(opaque('geometry_msgs::msg::Point', _json_or(_point)))
QUATERNION = add_type(opaque('geometry_msgs::msg::Quaternion', _json_or(_quaternion)))
MILLISECONDS = add_type(
    PortType(
        'chrono::milliseconds',
        lambda text: parse_integer(text, 0, INT64_MAX),
        lambda value: to_integer(value, 0, INT64_MAX),
    )
)
INTEGERS = add_type(
    PortType('std::set<int>', lambda text: sorted({INT.read(part) for part in split(text)}))
)
