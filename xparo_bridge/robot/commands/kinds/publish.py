# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `publish`: a message on any topic, once or some times at a rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.timer import Timer

from ....messages import ErrorCode
from ....ros.entities import publisher, timer
from ....ros.presence import Presence, why_unheard
from .. import parameters
from ..kind import Kind, Robot, Schema, settings
from ..run import Rejection, Run
from ..template import BadValue, Template


@dataclass
class _Job:
    message: Any
    left: int
    wait_until: float = 0.0
    timer: Timer | None = None


class Publish(Kind[_Job]):
    """Succeeds when the last message is out; fails if nobody subscribes to the topic."""

    settings_schema = settings(
        {
            'topic': {'description': 'Name of the topic', 'type': 'string', 'minLength': 1},
            'type': {'description': 'Its ROS type, package/msg/Name', 'type': 'string'},
            'message': {'description': 'Template of the message', 'type': 'object', 'default': {}},
            'times': {
                'description': 'How often it is published',
                'type': 'integer',
                'minimum': 1,
                'default': 1,
            },
            'rate': {
                'description': 'How often a second, Hz',
                'type': 'number',
                'exclusiveMinimum': 0,
                'maximum': 1000,
                'default': 10.0,
            },
            'latched': {
                'description': 'Whether late subscribers get the last one (transient local)',
                'type': 'boolean',
                'default': False,
            },
            'subscriber_timeout': {
                'description': 'How long a subscriber is waited for, s; null to need none',
                'type': ['number', 'null'],
                'minimum': 0,
                'default': 2.0,
            },
            'parameters': parameters.DECLARATIONS,
        },
        required=['topic', 'type'],
        concurrency='preempt',
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        cls = parameters.interface(settings['type'], 'msg')
        self._schema = self.parameters_schema(settings)
        self._template = Template(
            cls,
            settings['message'],
            self._schema['properties'],
            ('message',),
            lambda: robot.node.get_clock().now().to_msg(),
        )
        durability = (
            DurabilityPolicy.TRANSIENT_LOCAL if settings['latched'] else DurabilityPolicy.VOLATILE
        )
        qos = QoSProfile(depth=10, durability=durability)
        self._publisher = publisher(robot.node, cls, settings['topic'], qos)
        Presence.of(robot.node).expect_subscriber(settings['topic'], cls, f'command {name}')

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return parameters.schema(settings['parameters'])

    def prepare(self, run: Run[_Job]) -> Rejection | None:
        try:
            message = self._template.make(run.parameters)
        except BadValue as error:
            return Rejection(ErrorCode.BAD_PARAMETERS, str(error), {'schema': self._schema})
        run.work = _Job(message, self.settings['times'])
        return None

    def start(self, run: Run[_Job]) -> None:
        run.work.wait_until = time.monotonic() + (self.settings['subscriber_timeout'] or 0.0)
        self.poll(run)

    def poll(self, run: Run[_Job]) -> None:
        job = run.work
        if job.timer is not None or run.paused:
            return
        if self.settings['subscriber_timeout'] is None or (
            self._publisher.get_subscription_count() > 0
        ):
            self._publish(run)
            if run.open:
                job.timer = timer(
                    self.robot.node, 1 / self.settings['rate'], lambda: self._publish(run)
                )
        elif time.monotonic() > job.wait_until:
            run.fail(ErrorCode.NO_SUBSCRIBER, self._unheard())

    def cancel(self, run: Run[_Job]) -> None:
        self._stop(run)
        run.canceled()

    def pause(self, run: Run[_Job]) -> bool:
        run.paused = True
        if run.work.timer is not None:
            run.work.timer.cancel()
        run.report_paused()
        return True

    def resume(self, run: Run[_Job]) -> None:
        run.paused = False
        run.running()
        if run.work.timer is not None:
            run.work.timer.reset()

    def _unheard(self) -> str:
        node, topic = self.robot.node, self._publisher.topic_name
        why = why_unheard(node, topic, self._publisher.msg_type)
        if not why:  # As seen from here; it may have come this moment.
            return f'nobody has subscribed to {topic}'
        keeps = any(
            one.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            for one in node.get_subscriptions_info_by_topic(topic)
        )
        remedy = '; write latched: true below the command' if keeps else ''
        return f'{topic}: {why}{"" if self.settings["latched"] else remedy}'

    def _publish(self, run: Run[_Job]) -> None:
        job = run.work
        self._publisher.publish(job.message)
        job.left -= 1
        if job.left == 0:
            self._stop(run)
            run.succeed({'times': self.settings['times']})
        else:
            run.running({'left': job.left})

    def _stop(self, run: Run[_Job]) -> None:
        job = run.work
        if job.timer is not None:
            self.robot.node.destroy_timer(job.timer)
            job.timer = None
