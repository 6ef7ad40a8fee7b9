# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the sender of a message hears when its handling failed by a fault of the bridge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import messages as msg
from ..messages import ErrorCode

_ANSWERS: dict[type, Callable[[Any, str], Sequence[msg.Message]]] = {
    msg.RemoteCommand: lambda command, text: [
        msg.CommandStatus(
            command.command_id,
            command.command,
            msg.CommandState.REJECTED,
            error={'code': ErrorCode.INTERNAL_ERROR, 'message': text},
        )
    ],
    msg.BehaviorUpdate: lambda update, text: [
        msg.BehaviorStatus(update.tree_name, 'rejected', errors=[{'message': text}])
    ],
    msg.TreePush: lambda push, text: [
        msg.BehaviorStatus(name, 'rejected', errors=[{'message': text}]) for name in push.trees
    ],
    msg.RunTask: lambda task, text: [msg.TaskResult(task.task_id, False, 0.0, text)],
    msg.Teleop: lambda teleop, text: [msg.TeleopResult(False)],
    msg.DeleteFile: lambda delete, text: [msg.DeleteResult(delete.path, text)],
    **dict.fromkeys(
        (msg.FileRequest, msg.FileChunk, msg.FileComplete, msg.ListFiles),
        lambda message, text: [msg.TransferError(text)],
    ),
}


def answers_of_fault(message: Any, text: str) -> Sequence[msg.Message]:
    """Return the answers to a message that could not be handled; empty if nobody waits."""
    answer = _ANSWERS.get(type(message))
    return answer(message, text) if answer is not None else ()
