# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Tasks of a platform: a behaviour tree with what its blackboard starts with, run to its end.

A task says how far it is proven; one that is not as far as `tasks.stages` asks is refused.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from .. import messages as msg
from .face import Face, Surroundings

# Starts a task; calls back with why it failed, empty if it did not, and with its blackboard.
RunTree = Callable[[msg.RunTask, Callable[[str, dict[str, Any]], None]], None]


def no_engine(task: msg.RunTask, done: Callable[[str, dict[str, Any]], None]) -> None:
    """Refuse a task: this bridge cannot run trees."""
    done('this bridge has no behaviour tree engine yet', {})


class Tasks(Face):
    """Every task is answered once, with TaskResult."""

    def __init__(self, around: Surroundings, run_tree: RunTree = no_engine) -> None:
        """Take what runs a tree."""
        self._around = around
        self._stages = around.configuration['tasks']['stages']
        self._run_tree = run_tree
        self.handlers = {msg.RunTask: self._on_task}

    def _on_task(self, link: str, task: msg.RunTask) -> None:
        began = time.monotonic()
        send = self._around.peers.send
        if task.stage not in self._stages:
            send(msg.TaskResult(
                task.task_id, False, 0.0, f'a task of stage "{task.stage}" may not run here; '
                f'{", ".join(self._stages)} may', stage_mismatch=True), link)
            return
        if not self._around.routes.may_command(link):
            send(msg.TaskResult(task.task_id, False, 0.0, 'this link may not command'), link)
            return

        def done(error: str, blackboard: dict[str, Any]) -> None:
            duration = time.monotonic() - began
            send(msg.TaskResult(task.task_id, not error, duration, error), link)
            if task.save_history:
                send(msg.TaskHistory(
                    input=task.blackboard, output=blackboard, kind='task',
                    created_at=time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())), link)

        self._run_tree(task, done)
