# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `simulated_robot`: a robot in a restaurant, with Nav2's interfaces."""

from __future__ import annotations

from collections.abc import Sequence
import signal
import sys

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from .sim.node import SimulatedRobot


def main(argv: Sequence[str] | None = None) -> int:
    """Run the robot until Ctrl-C; the arguments are ROS's own, `--ros-args -p speed:=3.0`."""
    rclpy.init(args=list(sys.argv if argv is None else argv))
    node = SimulatedRobot()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    node.get_logger().info('ready')
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        # ros2 launch passes on a Ctrl-C that the terminal has sent already.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
