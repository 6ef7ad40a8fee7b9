# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""An executor that no callback ends, and that measures how long each takes."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    ShutdownException,
    SingleThreadedExecutor,
    TimeoutException,
)

from ..faults import FAULTS
from ..turns import THREADS

_NOTHING_TO_DO = (
    ConditionReachedException,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
)
# s of rest after it could not be waited; it doubles with each further time, up to the second.
_REST = 0.01
_LONGEST_REST = 1.0


class WalledExecutor(SingleThreadedExecutor):
    """
    Goes on after whatever a callback raises.

    rclpy's executor raises it again from `spin`, and leaves an entity whose message could not be
    taken, and its callback group, out of all later turns.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._failed = 0

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for a callback and run it; raises nothing."""
        try:
            handler, entity, _ = self.wait_for_ready_callbacks(timeout_sec, None, _never)
        except _NOTHING_TO_DO:
            return
        except BaseException as fault:
            FAULTS.note('waiting for callbacks', fault)
            time.sleep(min(_REST * 2**self._failed, _LONGEST_REST))
            self._failed = min(self._failed + 1, 10)
            return
        self._failed = 0
        turns = THREADS['ros']
        turns.begin()
        try:
            handler()
            error = handler.exception()
        except BaseException as raised:  # SystemExit of a callback, for instance.
            # rclpy's task takes itself for running still, and would be kept for ever.
            handler.cancel()
            error = raised
        turns.end()
        if error is not None:
            FAULTS.note(_describe(entity), error)

    def _make_handler(self, entity: Any, node: Any, take_raw: Callable[..., Any]) -> Any:
        def take(entity: Any) -> Any:
            try:
                return take_raw(entity)
            except Exception as error:
                FAULTS.note(f'taking for {_describe(entity)}', error)
                return None

        return super()._make_handler(entity, node, take)


def _never() -> bool:
    return False


def _describe(entity: Any) -> str:
    """A kind of entity and its name, such as 'Service ~/chat', or 'a task'."""
    if entity is None:
        return 'a task'
    for attribute in ('topic_name', 'topic', 'srv_name', '_action_name'):
        name = getattr(entity, attribute, None)
        if isinstance(name, str):
            return f'{type(entity).__name__} {name}'
    callback = getattr(entity, 'callback', None)
    return f'{type(entity).__name__} {getattr(callback, "__qualname__", "")}'.rstrip()
