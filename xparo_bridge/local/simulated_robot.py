# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `simulated_robot`: robots in a restaurant or on a map, with Nav2's interfaces."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import signal
import sys

from .. import __version__
from ..argument_types import Parser
from ..closed_output import ends_with_its_reader
from ..exit_codes import STOPPED, WRONG_USAGE
from ..main import split_ros_arguments

_EPILOG = """\
All else are ROS parameters, such as how fast it drives, m/s, or how its next goal ends:

  ros2 run xparo_bridge simulated_robot --ros-args -p speed:=3.0
  ros2 param set /simulated_robot fail_next abort
  ros2 param set /simulated_robot silent scan,odom

The simulation has a node of its own, for several robots, a map of map_server, and time that runs
up to 10 times as fast, with /clock:

  ros2 run xparo_bridge simulated_robot --ros-args -p map:=hall.yaml -p real_time_factor:=5.0 \\
      -p clock:=true -p robots:="robot_1:1.0,2.0,0.0 robot_2:3.0,2.0,0.0"
  ros2 param set /simulation obstacles "door:9.05,4.0,0.7"
"""


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Run the robot until Ctrl-C; the arguments are ROS's own, `--ros-args -p speed:=3.0`."""
    parser = Parser(
        'simulated_robot',
        description="A robot in a restaurant, with Nav2's interfaces.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument('--version', action='version', version=f'xparo_bridge {__version__}')
    own, ros = split_ros_arguments(sys.argv[1:] if argv is None else argv)
    parser.parse_args(own)
    return _run(ros)


def _run(ros_args: Sequence[str]) -> int:
    # Not before: `--help` need not wait for it.
    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

    from ..errors import BadInput
    from .sim.simulation import Simulation

    try:
        rclpy.init(args=['simulated_robot', *ros_args])
        simulation = Simulation()
    except BadInput as error:
        print(f'simulated_robot: {error}', file=sys.stderr)
        return WRONG_USAGE
    except Exception as error:
        print(f'simulated_robot: ROS does not take its arguments: {error}', file=sys.stderr)
        return WRONG_USAGE
    executor = SingleThreadedExecutor()
    for node in simulation.nodes:
        executor.add_node(node)
    simulation.get_logger().info('ready')
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        # A signal shuts ROS down in the middle of a callback, which then cannot publish.
        if rclpy.ok():
            raise
    finally:
        # ros2 launch passes on a Ctrl-C that the terminal has sent already.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        executor.shutdown()
        for node in simulation.nodes:
            node.destroy_node()
        rclpy.try_shutdown()
    return STOPPED


if __name__ == '__main__':
    sys.exit(main())
