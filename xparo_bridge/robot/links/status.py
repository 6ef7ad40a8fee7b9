# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Report how the bridge is doing: `~/status` for programs, `/diagnostics` for all tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
import math
import time
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from xparo_interfaces.msg import BridgeStatus, ConfigurationStatus, LinkStatus

from ... import __version__
from ...messages import LinkState, LinkStateChanged, LinkStatistics
from ...ros.entities import publisher
from ...ros.every import every
from ...ros.problems import Problems
from .health import diagnostic, Health
from .identity import AddressWatch

_DAY = 86400.0
# From when on an operator is warned.
CERTIFICATE_DAYS = 14.0
CLOCK_OFFSET = 5.0
# What is published at least so often, s: who watches diagnostics takes silence for a fault.
_PERIOD = 2.0
# How many problems a message names.
_PROBLEMS = 50
# Links that dial and wait by turns are reported as one state to people.
_DOWN_FOR = 60.0

_CONFIGURATION_FIELDS = ConfigurationStatus.get_fields_and_field_types()

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@dataclass
class _Link:
    change: LinkStateChanged
    since: Time
    error: str = ''
    remedy: str = ''
    down_since: float | None = field(default_factory=time.monotonic)
    numbers: LinkStatistics | None = None

    @property
    def certificate_days(self) -> float:
        expiry = self.numbers.certificate_expiry if self.numbers else None
        return math.nan if expiry is None else (expiry - time.time()) / _DAY

    @property
    def clock_offset(self) -> float:
        offset = self.numbers.clock_offset if self.numbers else None
        return math.nan if offset is None else offset


class Status:
    """Reports the state of every link; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        robot_id: str,
        protocols: Mapping[str, str],
        active_commands: Callable[[], Sequence[str]],
        on_status: Callable[[BridgeStatus], object] = lambda status: None,
        storage_problem: Callable[[], str] = str,
        storage_damage: Callable[[], Sequence[str]] = tuple,
        health: Health | None = None,
        configuration: Callable[[], Mapping[str, Any]] = dict,
        parts: Callable[[str, str], Sequence[DiagnosticStatus]] = lambda name, robot_id: (),
    ) -> None:
        """
        Take the protocol of each link by the link's name, and what adds to each status.

        `storage_problem` says why the state directory does not serve, empty if it does, and
        `storage_damage` what the start found damaged there; `configuration` what the bridge runs;
        `parts` gives further parts of /diagnostics, of the name and the robot's id.
        """
        self._node = node
        self._robot_id = robot_id
        self._protocols = protocols
        self._active_commands = active_commands
        self._on_status = on_status
        self._storage_problem = storage_problem
        self._storage_damage = storage_damage
        self._health = health or Health()
        self._configuration = configuration
        self._parts = parts
        self._links: dict[str, _Link] = {}
        # Robots of a fleet have one name for the node and one topic for all diagnostics.
        self._name = node.get_fully_qualified_name().lstrip('/')
        self._problems = Problems.of(node)
        self._published: Any = None
        self._published_at = 0.0
        self._address = AddressWatch()
        every(node, 1.0, self._look)
        self._status = publisher(
            node,
            BridgeStatus,
            '~/status',
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
        )
        self._diagnostics = publisher(node, DiagnosticArray, '/diagnostics', 10)

    def change(self, name: str) -> LinkStateChanged | None:
        """Last change of a link, None before it was dialled."""
        return self._links[name].change if name in self._links else None

    def on_change(self, name: str, change: LinkStateChanged) -> None:
        """Take note of a link's new state."""
        since = self._node.get_clock().now().to_msg()
        link = self._links.setdefault(name, _Link(change, since))
        link.change, link.since = change, since
        if change.error:
            link.error, link.remedy = change.error, change.remedy
        if change.state is LinkState.CONNECTED:
            link.down_since = None
        elif link.down_since is None:
            link.down_since = time.monotonic()
        self.publish()

    def on_statistics(self, name: str, numbers: LinkStatistics) -> None:
        """Take note of a link's numbers."""
        if name in self._links:
            self._links[name].numbers = numbers
            self._health.on_statistics(name, numbers)
            self.publish()

    def _look(self) -> None:
        # Each time: what else there is to publish comes when it likes.
        if problem := self._address.problem():
            self._problems.report('network', problem)
        else:
            self._problems.solved('network', 'the address is that of the start again')
        if problem := self._storage_problem():
            self._problems.report('state directory', problem, in_log=True)
        else:
            self._problems.forget('state directory')
        if self._problems.now != self._published or (
            time.monotonic() - self._published_at >= _PERIOD
        ):
            self.publish()

    def publish(self) -> None:
        """Publish how everything is now."""
        problems = self._published = self._problems.now
        self._published_at = time.monotonic()
        stamp = self._node.get_clock().now().to_msg()
        status = BridgeStatus(
            stamp=stamp,
            robot_id=self._robot_id,
            version=__version__,
            configuration=_configuration_status(self._configuration()),
            links=[
                self._link_status(name, self._links[name])
                for name in self._protocols
                if name in self._links
            ],
            active_commands=self._active_commands(),
            problems=[f'{name}: {text}' for name, text in islice(problems.items(), _PROBLEMS)],
        )
        self._on_status(status)
        self._health.on_status(status)
        self._status.publish(status)
        array = DiagnosticArray(
            status=[
                _diagnostic(f'{self._name}: link {name}', self._robot_id, link)
                for name, link in self._links.items()
            ]
        )
        problem, damage = self._storage_problem(), self._storage_damage()
        found = f'damaged at the start: {damage[0]}' if damage else ''
        array.status.append(
            diagnostic(
                ERROR if problem else WARN if damage else OK,
                f'{self._name}: state directory',
                problem or found or 'works',
                self._robot_id,
                {f'damage {number}': text for number, text in enumerate(damage[:10], 1)},
            )
        )
        array.status.append(
            DiagnosticStatus(
                level=WARN if problems else OK,
                name=f'{self._name}: configuration',
                message=f'{len(problems)} cannot be done: {", ".join(islice(problems, 5))}'
                if problems
                else 'all of it can be done',
                hardware_id=self._robot_id,
                values=[
                    *(
                        KeyValue(key=key, value=_shown(value))
                        for key, value in self._configuration().items()
                    ),
                    *(
                        KeyValue(key=name, value=text)
                        for name, text in islice(problems.items(), _PROBLEMS)
                    ),
                ],
            )
        )
        array.status.extend(self._parts(self._name, self._robot_id))
        array.status.append(self._health.diagnostic(f'{self._name}: bridge', self._robot_id))
        array.header.stamp = stamp
        self._diagnostics.publish(array)

    def _link_status(self, name: str, link: _Link) -> LinkStatus:
        status = LinkStatus(
            name=name,
            protocol=self._protocols[name],
            state=link.change.state.value,
            since=link.since,
            last_error=link.error,
            remedy=link.remedy,
            clock_offset=link.clock_offset,
            certificate_days_left=link.certificate_days,
        )
        if link.numbers is not None:
            status.control_queued = link.numbers.queued['control']
            status.control_dropped = link.numbers.dropped['control']
            status.telemetry_dropped = link.numbers.dropped['telemetry']
            status.frames_sent = link.numbers.frames_sent
            status.frames_received = link.numbers.frames_received
            if link.numbers.storage_problem and link.change.state is LinkState.CONNECTED:
                status.last_error = link.numbers.storage_problem
                status.remedy = 'make room on the disk, or set state_dir to another one'
        return status


def _configuration_status(facts: Mapping[str, Any]) -> ConfigurationStatus:
    return ConfigurationStatus(
        **{key: value for key, value in facts.items() if key in _CONFIGURATION_FIELDS}
    )


def _shown(value: Any) -> str:
    return ', '.join(map(str, value)) if isinstance(value, list) else str(value)


def _diagnostic(name: str, robot_id: str, link: _Link) -> DiagnosticStatus:
    level, message = _judge(link)
    values: dict[str, Any] = {
        'state': link.change.state.value,
        'since': f'{link.since.sec}.{link.since.nanosec:09}',
        'last error': link.error,
        'remedy': link.remedy,
    }
    if link.numbers is not None:
        numbers = link.numbers
        values |= {f'queued {lane}': count for lane, count in numbers.queued.items()}
        values |= {f'dropped {lane}': count for lane, count in numbers.dropped.items()}
        values |= {f'refused {kind}': count for kind, count in numbers.refused.items()}
        values |= {
            'frames sent': numbers.frames_sent,
            'frames received': numbers.frames_received,
            'faults': numbers.faults,
            'storage': numbers.storage_problem or 'works',
            'clock offset, s': f'{link.clock_offset:.1f}',
            'certificate, days left': f'{link.certificate_days:.1f}',
        }
    return diagnostic(level, name, message, robot_id, values)


def _judge(link: _Link) -> tuple[bytes, str]:
    """How bad it is, and the worst in words."""
    state, numbers = link.change.state, link.numbers
    if state is LinkState.REFUSED:
        return ERROR, f'{link.error}; {link.remedy}'
    if link.certificate_days < 0:
        return ERROR, 'the certificate of the platform has expired'
    if state is not LinkState.CONNECTED:
        down = time.monotonic() - (link.down_since or 0.0)
        return (ERROR if down > _DOWN_FOR else WARN), link.error or state.value
    if numbers is not None and numbers.dropped['control']:
        return ERROR, f'{numbers.dropped["control"]} control messages were dropped: no room'
    if numbers is not None and numbers.storage_problem:
        return WARN, numbers.storage_problem
    if link.certificate_days < CERTIFICATE_DAYS:
        return WARN, (
            f'the certificate of the platform expires in {link.certificate_days:.0f} '
            'days; it should have been renewed'
        )
    if abs(link.clock_offset) > CLOCK_OFFSET:
        return WARN, (
            f'the clocks of platform and robot differ by {link.clock_offset:.0f} s; '
            'check time synchronization'
        )
    return OK, 'connected'
