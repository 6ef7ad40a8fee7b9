# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Make the features of the links that a robot has, and describe what a feature is.

A feature is one subject of the links, such as speech, as the robot's own nodes see it. Each costs
ROS entities, which the executor looks at on every turn, and memory for the types of its messages;
a robot whose links have no use for one does not pay, not even by an import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from .. import messages as msg
from ..behavior.ros.trees import Trees
from ..configuration import Configuration
from ..faults import FAULTS
from ..observers import Observers
from ..state import State
from .links.links import Links
from .links.roles import LinkRoles

M = TypeVar('M', bound=msg.Message)


class Handlers(dict[type[msg.Message], Callable[[str, Any], object]]):
    """What takes the messages of the links, by their type; called with the link's name."""

    def on(self, kind: type[M], handler: Callable[[str, M], object]) -> None:
        """Have a handler take the messages of a type."""
        self[kind] = handler


@dataclass(frozen=True)
class FeatureContext:
    """What features are made from; `state` is for what must survive a restart."""

    node: Node
    configuration: Configuration
    links: Links
    roles: LinkRoles
    robot_id: str
    state: State
    # Runs a RemoteCommand as if its link had just sent it; whether it was not rejected.
    execute: Callable[[str, Any], bool]
    trees: Trees
    publish_status: Callable[[], None]
    # Whom the parts of the bridge notify of what passes.
    observers: Observers = field(default_factory=Observers)


class Feature:
    """Lives on the ROS thread; `handlers` take the messages of the links, by type."""

    handlers: Mapping[type[msg.Message], Callable[[str, Any], object]]

    def connected(self, link: str) -> None:
        """Take that a link is up."""

    def lost(self, link: str) -> None:
        """Take that a link is no longer up."""

    def on_status(self, status: Any) -> None:
        """Put into a BridgeStatus what it says of this feature."""

    def diagnostic(self, name: str, robot_id: str) -> DiagnosticStatus | None:
        """Return a part of /diagnostics about it, if there is something to say."""
        return None

    def close(self) -> None:
        """Put down what is open; in the thread that ends the bridge."""


class Features(list[Feature]):
    """The features of one bridge, called one by one: a fault of one stops none of the others."""

    def link_changed(self, link: str, up: bool) -> None:
        """Have all take that a link is up, or no longer."""
        for feature in self:
            try:
                (feature.connected if up else feature.lost)(link)
            except Exception as error:
                FAULTS.note(f'{type(feature).__name__} at the change of a link', error)

    def describe(self, status: Any) -> None:
        """Have all put into a BridgeStatus what it says of them."""
        for feature in self:
            try:
                feature.on_status(status)
            except Exception as error:
                FAULTS.note(f'the status of {type(feature).__name__}', error)

    def diagnostics(self, name: str, robot_id: str) -> list[DiagnosticStatus]:
        """Return the parts of /diagnostics about them."""
        found = []
        for feature in self:
            try:
                part = feature.diagnostic(name, robot_id)
            except Exception as error:
                FAULTS.note(f'the diagnostics of {type(feature).__name__}', error)
                continue
            if part is not None:
                found.append(part)
        return found

    def close(self) -> None:
        """Put down what they have open."""
        for feature in self:
            try:
                feature.close()
            except Exception as error:
                FAULTS.note(f'the end of {type(feature).__name__}', error)


# Module and class, and the messages of which a link must carry one; with none, every robot has it.
_FEATURES: dict[tuple[str, str], tuple[type, ...]] = {
    ('conversation.conversation', 'Conversation'): (),
    ('conversation.widgets', 'Widgets'): (msg.AgentAction,),
    ('head.control', 'Head'): (msg.Gesture,),
    ('head.perception', 'Perception'): (msg.WatchUsers, msg.WatchCamera),
    ('conversation.meetings', 'Meetings'): (msg.MeetSignal,),
    ('platform_data.schedules', 'Schedules'): (msg.AskSchedule,),
    ('platform_data.project', 'Project'): (msg.SaveAiml, msg.FileList),
    ('platform_data.files', 'Files'): (msg.FileList,),
    ('platform_data.joystick', 'Joystick'): (msg.TeleopResult,),
    ('platform_data.tasks', 'Tasks'): (msg.TaskResult,),
}

# The same of those that a section of the configuration enables.
_ENABLED: dict[str, tuple[str, str]] = {'black_box': ('black_box.black_box', 'BlackBox')}


def make_features(context: FeatureContext) -> list[Feature]:
    """
    Make the features that the links need and those that the configuration enables.

    :raises ConfigurationError: if a setting of one cannot work.
    """
    command = context.configuration['joystick']['command']
    if command is not None and command not in context.configuration['commands']:
        # Also if no link has a joystick now, which would be found too late.
        context.configuration.refuse(('joystick', 'command'), f'there is no command "{command}"')
    places = [
        place
        for place, needs in _FEATURES.items()
        if not needs or context.links.that_carry(*needs)
    ]
    places += [
        place for section, place in _ENABLED.items() if context.configuration[section]['enabled']
    ]
    features: list[Feature] = []
    for module, name in places:
        cls: Callable[[FeatureContext], Feature] = getattr(
            import_module(f'.{module}', __package__), name
        )
        features.append(cls(context))
    return features
