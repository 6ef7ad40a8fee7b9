# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A robot that talks to the platform all the time and does what it is told.

It prints `said <number> <monotonic time>` for each chat message `said <number>`, and
`did <command id>` each time a command reached it. With a service `work` it always agrees.
"""

from __future__ import annotations

import itertools
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String
from std_srvs.srv import Trigger
from xparo_interfaces.msg import ChatMessage

PERIOD = 0.05
# Deep, so that whatever is lost was not lost in here.
_QOS = QoSProfile(depth=1000)


def main() -> None:
    """Talk until killed."""
    rclpy.init()
    node = Node('talkative_robot')
    chat = node.create_publisher(ChatMessage, '/xparo_bridge/chat/outgoing', _QOS)
    numbers = itertools.count(1)

    def say() -> None:
        number = next(numbers)
        print(f'said {number} {time.monotonic():.3f}', flush=True)
        chat.publish(ChatMessage(text=f'said {number}'))

    def work(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = True
        return response

    node.create_timer(PERIOD, say)
    node.create_service(Trigger, 'work', work)
    node.create_subscription(
        String, 'done', lambda done: print(f'did {done.data}', flush=True), _QOS
    )
    rclpy.spin(node)


if __name__ == '__main__':
    main()
