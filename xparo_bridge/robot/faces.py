# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Which faces a robot has: those that its links need.

Each costs ROS entities, which the executor looks at on every turn, and memory for the types of
its messages; a robot whose links have no use for one does not pay, not even by an import.
"""

from __future__ import annotations

from importlib import import_module

from .. import messages as msg
from .conversation import Conversation
from .face import Face, Surroundings

# Module and class, and the messages of which a link must carry one.
_FACES: dict[tuple[str, str], tuple[type, ...]] = {
    ('screen', 'Screen'): (msg.AgentAction,),
    ('head', 'Head'): (msg.Gesture,),
    ('head_view', 'HeadView'): (msg.WatchUsers, msg.WatchCamera),
    ('meet', 'Meet'): (msg.MeetSignal,),
    ('schedules', 'Schedules'): (msg.AskSchedule,),
    ('project', 'Project'): (msg.SaveAiml, msg.FileList),
    ('files', 'Files'): (msg.FileList,),
    ('joystick', 'Joystick'): (msg.TeleopResult,),
    ('tasks', 'Tasks'): (msg.TaskResult,),
}


def make_faces(around: Surroundings) -> list[Face]:
    """Make the faces that the links need; conversation is every robot's."""
    faces: list[Face] = [Conversation(around)]
    for (module, name), needs in _FACES.items():
        if around.peers.that_carry(*needs):
            cls: type[Face] = getattr(import_module(f'.{module}', __package__), name)
            faces.append(cls(around))
    return faces
