# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check the ROS graph against what a configuration expects, from a participant of the doctor's own.

It publishes nothing, serves nothing, and sends no goal: an action server is asked to cancel a goal
that nobody has, which every server answers and none obeys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
import os
from pathlib import Path
import time

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from ..ros.executor import WalledExecutor
from ..ros.logs import silenced
from .expectations import Expectations
from .finding import Finding, not_checked, ok, problem
from .watches import ServerWatch, TopicWatch, TransformsWatch, Watch

_NODE = 'xparo_bridge_doctor'
_PERIOD = 0.05
# How long nodes that are there take to be found at least, s.
_SETTLING = 1.0
# The first port of a domain, and how many it has (RTPS 2.5, 9.6.2.3).
_FIRST_PORT, _PORTS = 7400, 250
_HIGHEST_DOMAIN = 232


class Graph:
    """The doctor's node; use as a context manager, in one thread."""

    def __init__(self, ros_args: Sequence[str]) -> None:
        """Join ROS under a name of the doctor's own, whatever the arguments call the bridge."""
        self._context = rclpy.Context()
        rclpy.init(
            args=list(ros_args),
            context=self._context,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        name = f'{_NODE}_{os.getpid()}'
        self.node = Node(
            name,
            context=self._context,
            # Of rules for the same name the first counts.
            cli_args=['--ros-args', '-r', f'__node:={name}', *ros_args[1:]],
            use_global_arguments=False,
            start_parameter_services=False,
            enable_rosout=False,
        )
        # What is wrong is in the findings.
        self._silence = ExitStack()
        self._silence.enter_context(silenced(self.node.get_logger().name))
        self._executor = WalledExecutor(context=self._context)
        self._executor.add_node(self.node)

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self._silence.close()
        self._context.try_shutdown()

    def watch(self, until: float, done: Callable[[], bool]) -> None:
        """Look again and again until all is seen or the time, of the steady clock, has come."""
        while not done() and time.monotonic() < until:
            self._executor.spin_once(timeout_sec=_PERIOD)
            time.sleep(0.01)


def check_graph(
    expected: Expectations, ros_args: Sequence[str], timeout: float
) -> Iterator[Finding]:
    """Check discovery, then all that is expected, beside each other for `timeout` seconds."""
    domain = _domain()
    with Graph(ros_args) as graph:
        yield ok('RMW', _rmw(), f'is used; ROS_DOMAIN_ID is {domain}')
        watches: list[Watch] = [
            *(TopicWatch(graph.node, topic) for topic in expected.topics),
            *(ServerWatch(graph.node, expected, *one) for one in expected.names.items()),
        ]
        if expected.frames is not None:
            watches.append(TransformsWatch(graph.node, *expected.frames))
        others: set[str] = set()
        twice = 0
        settled = time.monotonic() + _SETTLING

        def look() -> bool:
            nonlocal twice
            now = list(_others(graph.node))
            others.update(now)
            twice = now.count(expected.bridge)
            for watch in watches:
                watch.look()
            # Nodes are found one by one: that the bridge does not run is known at the end only.
            return (
                time.monotonic() > settled
                and expected.bridge in others
                and all(watch.satisfied for watch in watches)
            )

        graph.watch(time.monotonic() + timeout, look)
        yield _discovery(others, domain, expected.bridge)
        if twice > 1:
            yield problem(
                'discovery',
                expected.bridge,
                f'{twice} nodes have this name: each takes the goals and services of the other',
                'end all but one, or give each a namespace of its own',
            )
        for watch in watches:
            if others:
                yield watch.finding()
            else:
                words, remedy = 'no node is found at all', 'mend the discovery first'
                yield not_checked(watch.check, watch.subject, words, remedy)
        for watch in watches:
            watch.close()


def _rmw() -> str:
    return str(rclpy.get_rmw_implementation_identifier())


def _domain() -> str:
    return os.environ.get('ROS_DOMAIN_ID') or '0'


def check_domain() -> Iterator[Finding]:
    """Check that ROS_DOMAIN_ID names a domain that works on this machine; nothing if it does."""
    domain = _domain()
    if not domain.isdecimal() or int(domain) > _HIGHEST_DOMAIN:
        yield problem(
            'domain',
            'ROS_DOMAIN_ID',
            f'{domain} is no domain, expected a number from 0 to {_HIGHEST_DOMAIN}',
            'set ROS_DOMAIN_ID to that of the robot, 0 if it has none',
        )
        return
    first = _FIRST_PORT + _PORTS * int(domain)
    try:
        low = int(Path('/proc/sys/net/ipv4/ip_local_port_range').read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    if first + _PORTS > low:
        yield problem(
            'domain',
            'ROS_DOMAIN_ID',
            f'the ports of domain {domain} ({first} and up) are those that Linux gives to anybody '
            f'({low} and up), so nodes may not find each other',
            f'use a domain up to {(low - _FIRST_PORT) // _PORTS - 1}',
        )


def _others(node: Node) -> Iterator[str]:
    for name, namespace in node.get_node_names_and_namespaces():
        if not name.startswith((_NODE, '_')):
            yield f'{namespace.rstrip("/")}/{name}'


def _discovery(others: set[str], domain: str, bridge: str) -> Finding:
    subject = f'domain {domain}'
    if others:
        runs = 'runs' if bridge in others else 'does not run'
        words = f'{len(others)} nodes are found; the bridge {bridge} {runs}'
        return ok('discovery', subject, words)
    elsewhere = sorted(_domains_here() - {int(domain)})
    hint = ''
    if elsewhere:
        hint = f'; on this machine somebody is in domain {", ".join(map(str, elsewhere[:5]))}'
    reach = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '') or 'SUBNET'
    return problem(
        'discovery',
        subject,
        f'no other node is found (discovery range {reach}, {_rmw()}){hint}',
        'give the bridge the ROS_DOMAIN_ID, RMW_IMPLEMENTATION and ROS_AUTOMATIC_DISCOVERY_RANGE '
        "of the robot's nodes; start the robot; check that the network passes multicast on",
    )


def _domains_here() -> set[int]:
    """Return the domains in which somebody on this machine has a port."""
    try:
        lines = Path('/proc/net/udp').read_text().splitlines()[1:]
    except OSError:
        return set()
    ports = [int(line.split()[1].rpartition(':')[2], 16) for line in lines]
    last = _FIRST_PORT + _PORTS * 102  # Higher ones are anybody's.
    return {(port - _FIRST_PORT) // _PORTS for port in ports if _FIRST_PORT <= port < last}
