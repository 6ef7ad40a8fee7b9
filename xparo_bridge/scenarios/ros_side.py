# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The run as a node among the robot's: it hears where robots are, and publishes and calls for steps.

Its executor has a thread of its own; coroutines of the run ask it through here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
import functools
import math
import threading
import time
from typing import Any

from nav_msgs.msg import Odometry
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import LoggingSeverity
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, qos_profile_sensor_data, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import LaserScan
from std_msgs.msg import String

from ..json_reader import read_object
from ..robot.commands.template import Template
from ..ros.fields import load_type
from ..ros.transforms import TransformListener
from .failures import Failed

_LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_ANSWER = 5.0  # s after which a call is made again: an answer may be lost in discovery
_PATIENCE = 20.0
# s that the publishers of a topic are waited for; there may be none yet.
_MEETING = 3.0
_BASES = ('base_link', 'base_footprint')  # frames of a robot
_FRESH = 2.0  # s that transforms may be old
_LOOK = 0.05  # s between two looks at where a robot is
_SILENT = 0.5  # s without odometry after which tf says how fast a robot is


def _answer(answer: asyncio.Future[Any], future: Any) -> None:
    if not answer.done():
        answer.set_result(future.result())


class RosSide:
    """A node, its thread, and what it hears, handed to the loop of the run."""

    def __init__(self, name: str = 'scenario') -> None:
        """Enter the graph of ROS_DOMAIN_ID."""
        self._loop = asyncio.get_running_loop()
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node(name, context=self._context)
        # What it says of topics that are not there yet is no news to who runs a scenario.
        self.node.get_logger().set_level(LoggingSeverity.ERROR)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._publishers: dict[str, Any] = {}
        self._clients: dict[str, Any] = {}
        self._others: list[Any] = []
        self._ended = False
        self._thread = threading.Thread(target=self._spin, name='scenario ros', daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        while not self._ended:
            self._executor.spin_once(timeout_sec=0.2)

    def close(self) -> None:
        """Leave the graph."""
        self._ended = True
        self._executor.wake()
        self._thread.join(5.0)
        self._executor.shutdown()
        for node in (*self._others, self.node):
            node.destroy_node()
        self._context.try_shutdown()

    def _hand(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        def hand(value: Any) -> None:
            try:
                self._loop.call_soon_threadsafe(callback, value)
            except RuntimeError:  # The loop of the run is over.
                pass

        return hand

    async def _on_thread(self, call: Callable[[], Any]) -> Any:
        done: asyncio.Future[Any] = self._loop.create_future()

        def finish(value: Any, error: BaseException | None) -> None:
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(value)

        def run() -> None:
            try:
                value, error = call(), None
            except Exception as problem:
                value, error = None, problem
            self._loop.call_soon_threadsafe(finish, value, error)

        self._executor.create_task(run)
        self._executor.wake()
        return await done

    async def drivers(self, namespace: str) -> int:
        """Return how many publish a robot's velocities, 0 before the guard of a bridge does."""
        topic = f'/{namespace}/cmd_vel' if namespace else '/cmd_vel'

        def look() -> int:
            names = [each.node_name for each in self.node.get_publishers_info_by_topic(topic)]
            return len(names) if any(name.endswith('_guard') for name in names) else 0

        return int(await self._on_thread(look))

    async def hear_truth(self, topic: str, on_value: Callable[[dict[str, Any]], None]) -> None:
        """Hear what a simulation says of its robots; see local/sim/simulation.py."""
        hand = self._hand(on_value)
        await self._on_thread(
            lambda: self.node.create_subscription(
                String, topic, lambda message: hand(read_object(message.data)), 50
            )
        )

    async def hear_robot(
        self, namespace: str, radius: float, on_value: Callable[[dict[str, Any]], None]
    ) -> None:
        """
        Hear what a robot says of itself (tf, odom, scan) in the form of a truth.

        Where it is comes from tf alone. How fast it is comes from odometry, and from tf while that
        is silent: Nav2's loopback simulator publishes none of a robot that nobody drives.
        """
        prefix = f'/{namespace}' if namespace else ''
        hand = self._hand(on_value)
        state: dict[str, Any] = {}
        looked_at = odometry_at = -math.inf

        def on_odometry(message: Any) -> None:
            nonlocal odometry_at
            odometry_at = time.monotonic()
            twist = message.twist.twist
            state.update(speed=twist.linear.x, turn=twist.angular.z)
            if 'x' in state:
                hand(dict(state))

        def look() -> None:
            nonlocal looked_at
            transforms.refresh()
            transforms.update()
            places = (transforms.tree.lookup('map', frame, _FRESH) for frame in _BASES)
            place = next((place for place in places if place is not None), None)
            if place is None:
                return
            now = time.monotonic()
            x, y, _ = place.translation
            if now - odometry_at > _SILENT:
                elapsed = now - looked_at
                gone = math.hypot(x - state.get('x', x), y - state.get('y', y))
                turned = math.remainder(place.yaw - state.get('yaw', place.yaw), math.tau)
                state.update(speed=gone / elapsed, turn=turned / elapsed)
            looked_at = now
            state.update(x=x, y=y, yaw=place.yaw)
            hand(dict(state))

        def on_scan(message: Any) -> None:
            seen = [
                value
                for value in message.ranges
                if math.isfinite(value) and message.range_min <= value <= message.range_max
            ]
            if seen:
                state['clearance'] = min(seen) - radius

        def subscribe() -> None:
            create = self.node.create_subscription
            create(Odometry, f'{prefix}/odom', on_odometry, qos_profile_sensor_data)
            create(LaserScan, f'{prefix}/scan', on_scan, qos_profile_sensor_data)
            self.node.create_timer(_LOOK, look)

        node = self._node_in(namespace)
        transforms = await self._on_thread(lambda: TransformListener.acquire(node))
        await self._on_thread(subscribe)

    def _node_in(self, namespace: str) -> Any:
        """Return a node of a namespace, whose tf is that of the robot there."""
        if not namespace:
            return self.node
        node = rclpy.create_node(self.node.get_name(), namespace=namespace, context=self._context)
        self._executor.add_node(node)
        self._others.append(node)
        return node

    async def node_names(self) -> list[str]:
        """Names of all nodes in the graph."""
        names: list[str] = await self._on_thread(self.node.get_node_names)
        return names

    async def hear_clock(self, on_value: Callable[[float], None]) -> None:
        """Hear simulated time, s."""
        hand = self._hand(on_value)
        await self._on_thread(
            lambda: self.node.create_subscription(
                Clock,
                '/clock',
                lambda message: hand(message.clock.sec + message.clock.nanosec * 1e-9),
                qos_profile_sensor_data,
            )
        )

    async def record(
        self, topics: Mapping[str, str], keep: Callable[[str, str, bytes], None]
    ) -> None:
        """Give every message of these topics, serialized; `keep` is called on this thread."""

        def subscribe() -> None:
            for topic, type_name in topics.items():
                latched = topic.endswith('/map')
                self.node.create_subscription(
                    load_type(type_name),
                    topic,
                    functools.partial(keep, topic, type_name),
                    _LATCHED if latched else qos_profile_sensor_data,
                    raw=True,
                )

        await self._on_thread(subscribe)

    async def hear(self, topic: str, type_name: str, on_value: Callable[[Any], None]) -> None:
        """
        Hear any topic, whose publishers may be best-effort.

        Those that there are now are met before this returns: what a publisher sends before the two
        have met is lost.
        """
        kind = load_type(type_name)
        hand = self._hand(on_value)
        heard = await self._on_thread(
            lambda: self.node.create_subscription(kind, topic, hand, qos_profile_sensor_data)
        )
        name = self.node.resolve_topic_name(topic)
        await self._meet(heard.get_publisher_count, lambda: self.node.count_publishers(name))

    async def _meet(self, met: Callable[[], int], there: Callable[[], int]) -> None:
        """Wait until all are met that are there, and one is; a while at most."""
        end = time.monotonic() + _MEETING
        while time.monotonic() < end:
            number = await self._on_thread(met)
            if number and number >= await self._on_thread(there):
                return
            await asyncio.sleep(0.02)

    def fill(self, kind: type, values: Any) -> Any:
        """Return a message of a type with these values; BadInput for one that has no field."""
        return Template(kind, values, {}, (), lambda: self.node.get_clock().now().to_msg()).make(
            {}
        )

    async def publish_message(self, topic: str, message: Any) -> None:
        """
        Publish a message, whoever hears it: latched, so that who comes late may have it too.

        Those that listen now are met and have it before this returns: one that asks for nothing
        that was sent before, as Nav2 does for its speed limit, would drive without it.
        """
        if topic not in self._publishers:
            self._publishers[topic] = await self._on_thread(
                lambda: self.node.create_publisher(type(message), topic, _LATCHED)
            )
        publisher = self._publishers[topic]
        name = self.node.resolve_topic_name(topic)
        await self._meet(
            publisher.get_subscription_count, lambda: self.node.count_subscribers(name)
        )
        await self._on_thread(lambda: publisher.publish(message))
        await asyncio.to_thread(publisher.wait_for_all_acked, Duration(seconds=_MEETING))

    async def publish(self, topic: str, type_name: str, message: Any) -> None:
        """
        Publish a message once somebody hears it.

        :raises Failed: if nobody does.
        """
        kind: Any = load_type(type_name)
        filled = self.fill(kind, message)
        if topic not in self._publishers:
            self._publishers[topic] = await self._on_thread(
                lambda: self.node.create_publisher(kind, topic, 10)
            )
        publisher = self._publishers[topic]
        end = time.monotonic() + _PATIENCE
        while not await self._on_thread(publisher.get_subscription_count):
            if time.monotonic() > end:
                raise Failed(f'nobody subscribes to {topic}')
            await asyncio.sleep(0.05)
        await self._on_thread(lambda: publisher.publish(filled))

    async def call(self, service: str, kind: Any, request: Any) -> Any:
        """
        Call a service, again where its answer was lost.

        :raises Failed: if there is none, or it does not answer.
        """
        if service not in self._clients:
            self._clients[service] = await self._on_thread(
                lambda: self.node.create_client(kind, service)
            )
        client = self._clients[service]
        end = time.monotonic() + _PATIENCE
        while not await self._on_thread(client.service_is_ready):
            if time.monotonic() > end:
                raise Failed(f'there is no service {service}')
            await asyncio.sleep(0.05)
        while True:
            future = await self._on_thread(lambda: client.call_async(request))
            answer: asyncio.Future[Any] = self._loop.create_future()
            future.add_done_callback(self._hand(functools.partial(_answer, answer)))
            try:
                return await asyncio.wait_for(answer, _ANSWER)
            except TimeoutError:
                if time.monotonic() > end:
                    raise Failed(f'{service} did not answer') from None

    async def set_parameter(self, node: str, name: str, value: Any) -> None:
        """
        Set a parameter of a node.

        :raises Failed: if the node does not take it.
        """
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        response = await self.call(f'{node}/set_parameters', SetParameters, request)
        if not response.results[0].successful:
            raise Failed(f'{node} does not take {name}: {response.results[0].reason}')
