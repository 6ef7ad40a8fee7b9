# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check configurations by the ROS types that they name.

All parts of a bridge are made of a configuration, without dialling and without being found by
others, once for robots that differ in what makes no difference to this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import importlib.util
import json
import os
from typing import Any

from ..configuration import Configuration, ConfigurationError
from ..errors import BridgeError
from ..without_files import without_files

# What of a link does not need ROS, and was looked at without.
_OF_LINKS = ('name', 'protocol', 'extensions', 'options')


def installed() -> bool:
    """Whether ROS is installed here, with the interfaces of the bridge."""
    return all(
        importlib.util.find_spec(name) is not None for name in ('rclpy', 'xparo_interfaces')
    )


def signature(configuration: Configuration) -> str:
    """Return what of a configuration makes a difference; the robot's name in it does not."""
    data: dict[str, Any] = dict(configuration.data)
    robot_id = data.pop('robot_id', '')
    for key in ('places', 'vars', 'state_dir', 'bags', 'files', 'audio', 'chat'):
        data.pop(key, None)
    data['links'] = [{key: link.get(key) for key in _OF_LINKS} for link in data['links']]
    text = json.dumps(data, sort_keys=True)
    return text.replace(json.dumps(robot_id)[1:-1], '${robot_id}') if robot_id else text


class RosChecks:
    """Makes bridges of configurations; use it as `open_checks` gives it."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._seen: dict[str, list[str]] = {}

    def problems(self, configuration: Configuration) -> list[str]:
        """Return what is wrong with a configuration; of robots alike only with the first."""
        key = signature(configuration)
        if key in self._seen:
            return []
        self._seen[key] = list(self._look(configuration))
        return self._seen[key]

    @property
    def looked_at(self) -> int:
        """How many configurations were different."""
        return len(self._seen)

    def _look(self, configuration: Configuration) -> Iterator[str]:
        from rclpy.node import Node

        from ..own_node import declare_parameters
        from ..process import make_parts

        node = Node('config', context=self._context, start_parameter_services=False)
        try:
            declare_parameters(node)
            make_parts(node, _alone(configuration), ()).close(up_to_date=True)
        except ConfigurationError as error:
            yield from error.problems
        except BridgeError as error:
            yield str(error)
        finally:
            # Action clients and servers would keep the node in the graph.
            for waitable in list(node.waitables):
                if hasattr(waitable, 'destroy'):
                    waitable.destroy()
            node.destroy_node()


def _alone(configuration: Configuration) -> Configuration:
    """Return a configuration without files of the robot, nor trees of a folder not here."""
    alone = without_files(configuration)
    trees = alone['trees']
    if not trees['folder'] or os.path.isdir(trees['folder']):
        return alone
    data = {**alone.data, 'trees': {**trees, 'folder': None, 'run_at_start': ''}}
    return Configuration(data, alone.layers, alone.broken)


@contextmanager
def open_checks() -> Iterator[RosChecks]:
    """Join ROS alone, for as long as checks are made."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from ..ros.logs import silenced

    before = dict(os.environ)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
    # No protocol looks at what they are, and those of the robot are not here.
    os.environ['XPARO_SECRET_KEY'] = os.environ['XPARO_PROJECT_ID'] = 'of-no-robot'
    context = rclpy.Context()
    try:
        rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
        # What a bridge logs while it is made is no result of a check.
        with silenced('config', 'rcl'):
            yield RosChecks(context)
    finally:
        context.try_shutdown()
        os.environ.clear()
        os.environ.update(before)
