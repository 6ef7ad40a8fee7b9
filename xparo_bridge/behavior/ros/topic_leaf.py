# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Use a topic in a leaf.

RosTopicPublish: SUCCESS once the message is published.
RosTopicCondition: SUCCESS if the newest message means yes. FAILURE if it does not, if there was
none yet, or if it is older than `max_age`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...ros.entities import TypeConflict
from ..errors import BehaviorError
from ..leaves import Condition, LeafNode, SyncAction
from ..manifest import NodeConfig
from ..node import FAILURE, SUCCESS
from ..status import NodeStatus
from .action_leaf import read_ports, write_ports
from .answer import Answer
from .fields import find_type
from .tree_ros import tree_ros


@dataclass(frozen=True)
class PublishUse:
    """Which topic a type of leaf publishes on, and which ports are which fields."""

    interface: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    latched: bool = False


@dataclass(frozen=True)
class ConditionUse:
    """
    Which topic a type of leaf listens to, and which ports are which fields.

    `success_if` is a script over the fields of the message; `max_age` is in s.
    """

    interface: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    success_if: str = ''
    max_age: float = float('inf')


class RosTopicPublish(SyncAction):
    """Publishes a message made from its ports."""

    def __init__(self, config: NodeConfig, use: PublishUse) -> None:
        super().__init__(config)
        self.use = use
        self._type = find_type(use.interface)
        try:
            self._publisher = tree_ros(config.context).publisher(self._type, use.name, use.latched)
        except TypeConflict as error:
            raise BehaviorError(str(error)) from error

    def on_tick(self) -> NodeStatus:
        message = self._type()
        try:
            write_ports(self, message, self.use.fields, self.use.required)
        except BehaviorError as error:
            return fail(self, str(error))
        self._publisher.publish(message)
        return SUCCESS


class RosTopicCondition(Condition):
    """Asks the newest message of a topic."""

    def __init__(self, config: NodeConfig, use: ConditionUse) -> None:
        super().__init__(config)
        self.use = use
        self._answer = Answer(
            find_type(use.interface), use.success_if, config.context.enums, use.fields
        )
        self._topic = tree_ros(config.context).topic(use.interface, use.name)

    def on_tick(self) -> NodeStatus:
        message = self._topic.message
        if message is None:
            return fail(self, f'nothing came on {self.use.name} yet')
        if self._topic.age > self.use.max_age:
            return fail(self, f'nothing came on {self.use.name} for {self._topic.age:.1f} s')
        self.feedback_message = ''
        read_ports(self, message, self.use.fields)
        return SUCCESS if self._answer.is_yes(message) else FAILURE


def fail(leaf: LeafNode, reason: str) -> NodeStatus:
    """End with FAILURE and a reason for those who watch the tree."""
    leaf.feedback_message = reason
    return FAILURE
