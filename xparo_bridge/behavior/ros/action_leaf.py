# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Use a ROS action in a leaf.

- The leaf starts: a goal is made from its ports. It is sent as soon as everything that was halted
  before has ended, so that two goals never move the robot at once.
- RUNNING until the server ended the goal; SUCCESS if it succeeded. FAILURE if it was aborted,
  rejected or cancelled by others, or if the server is absent or does not answer in time.
- Halted: the goal is cancelled, also before its acceptance. The tree goes on at once; a tree that
  takes its place waits for the server's confirmation.

No tick ever waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...ros.action_goal import Ending, Outcome
from ...ros.nav2_errors import describe as describe_error
from ..errors import BehaviorError
from ..leaves import LeafNode, StatefulAction
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SUCCESS
from ..status import NodeStatus
from .fields import find_type, MessageField
from .leaf_goal import Goal
from .tree_ros import tree_ros


@dataclass(frozen=True)
class ActionUse:
    """
    Which action a type of leaf uses, and which ports are which fields.

    `goal`, `result` and `feedback` map ports to paths of fields. A leaf without a value for one of
    the `required` ports fails. With `follows` a goal whose ports change is replaced. A pause may
    cancel a goal that is `repeatable` and send it again later; any other goes on meanwhile.
    """

    interface: str
    name: str
    goal: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, str] = field(default_factory=dict)
    feedback: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    follows: bool = False
    repeatable: bool = False
    server_timeout: float | None = None
    cancel_timeout: float | None = None


def write_ports(
    leaf: LeafNode, message: Any, ports: Mapping[str, str], required: frozenset[str]
) -> None:
    """
    Fill a message from a leaf's ports; one without a value leaves its field as it is.

    :raises BehaviorError: if a value is required or does not fit.
    """
    for port, path in ports.items():
        if port in required:
            value = leaf.get_input(port)
        elif (value := leaf.find_input(port)) is None:
            continue
        MessageField(type(message), path).write(message, value)


def read_ports(leaf: LeafNode, message: Any, ports: Mapping[str, str]) -> None:
    """Hand fields of a message to a leaf's ports."""
    for port, path in ports.items():
        if port in leaf.config.outputs:
            leaf.set_output(port, MessageField(type(message), path).read(message))


def in_words(outcome: Outcome) -> str:
    """Why a goal did not succeed, with name and words of Nav2's error code if it has one."""
    name, words = ('', '') if outcome.result is None else describe_error(outcome.result)
    if not name:
        return outcome.text
    return f'{outcome.text}: {outcome.result.error_code} {name}, {words}'


class RosAction(StatefulAction):
    """Sends a goal to an action server and follows it to its end."""

    moves = True

    def __init__(self, config: NodeConfig, use: ActionUse) -> None:
        super().__init__(config)
        self.use = use
        self._type = find_type(use.interface)
        self._ros = tree_ros(config.context)
        # The name may only be known when the leaf starts.
        self._name = self.find_input('server_name') or use.name
        self._client = self._ros.action_client(self._type, self._name)
        self._message: Any = None
        self._inputs: dict[str, Any] = {}
        self._goal: Goal | None = None
        self._replaced: Goal | None = None

    # What a subclass may say

    def make_goal(self) -> Any:
        """
        Make the goal from the ports.

        :raises BehaviorError: if that cannot be done, which fails the leaf.
        """
        message = self._type.Goal()
        write_ports(self, message, self.use.goal, self.use.required)
        return message

    def on_end(self, outcome: Outcome) -> NodeStatus:
        """Say what an outcome means to the tree."""
        if outcome.result is not None:
            read_ports(self, outcome.result, self.use.result)
        return SUCCESS if outcome.ending is Ending.SUCCEEDED else FAILURE

    # The life of the leaf

    def on_start(self) -> NodeStatus:
        self.feedback_message = ''
        self._goal = self._replaced = None
        name = self.find_input('server_name') or self.use.name
        if name != self._name:
            self._name = name
            self._client = self._ros.action_client(self._type, name)
        if not self._renew():
            return FAILURE
        return self.on_running()

    def on_running(self) -> NodeStatus:
        goal = self._goal
        if goal is None:
            if not self._ros.ending:
                self._send()
            return RUNNING
        if goal.outcome is not None:
            return self._end(goal.outcome)
        if goal.accepted:
            if self._replaced is not None and not self._replaced.ended:
                # A server that keeps one goal has ended the old one; ask any other to cancel.
                self._replaced.cancel()
            self._replaced = None
            if goal.feedback is not None:
                feedback, goal.feedback = goal.feedback, None
                read_ports(self, feedback, self.use.feedback)
            if self.use.follows and self._changed():
                if not self._renew():
                    self.on_halted()
                    return FAILURE
                self._replaced = goal
                self._send()
        return RUNNING

    def on_halted(self) -> None:
        for goal in (self._goal, self._replaced):
            if goal is not None:
                goal.cancel()
        self._goal = self._replaced = None

    def _renew(self) -> bool:
        self._inputs = self._seen()
        try:
            self._message = self.make_goal()
        except BehaviorError as error:
            self._fail(str(error))
            return False
        return True

    def _send(self) -> None:
        milliseconds = self.find_input('server_timeout')
        self._goal = self._ros.send_goal(
            self._client,
            self._message,
            server_timeout=(
                self.use.server_timeout if milliseconds is None else milliseconds / 1000
            ),
            cancel_timeout=self.use.cancel_timeout,
            on_news=self.wake_up,
            repeatable=self.use.repeatable,
        )

    def _end(self, outcome: Outcome) -> NodeStatus:
        # Also a goal that was to be replaced by one that was never accepted.
        self.on_halted()
        if outcome.ending is not Ending.SUCCEEDED:
            self.feedback_message = in_words(outcome)
        return self.on_end(outcome)

    def _fail(self, reason: str) -> NodeStatus:
        self.feedback_message = reason
        return FAILURE

    def _seen(self) -> dict[str, Any]:
        return {port: self.find_input(port) for port in self.use.goal} if self.use.follows else {}

    def _changed(self) -> bool:
        """Return whether an input changed; what is the same object is not compared."""
        before, now = self._inputs, self._seen()
        return any(
            value is not before[port] and value is not None and value != before[port]
            for port, value in now.items()
        )
