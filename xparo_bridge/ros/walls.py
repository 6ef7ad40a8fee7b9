# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Walls around what ROS calls: an exception that nobody foresaw is noted and stops nothing else.

rclpy raises an exception of a callback again from `spin`, which would end the node with all it
does. Whoever waits for an answer gets one that says what went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
import functools
import inspect
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.action import CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.serialization import serialize_message

from ..faults import FAULTS
from .parameter_services import checked

# Fields of a response or a result that say why it is none, the first there is.
_ERROR_FIELDS = ('error', 'error_message', 'error_msg', 'reason', 'message', 'problems')


OnFault = Callable[[BaseException], object]
_OWNER: ContextVar[OnFault | None] = ContextVar('owner of callbacks', default=None)


@contextmanager
def owned_by(on_fault: OnFault | None) -> Iterator[None]:
    """
    Give the callbacks that are made meanwhile, and those made by them, to an owner.

    After an exception, of any class, `on_fault(error)` is called in place of a note in the log, so
    that whatever waits for the callback ends at once. Of None they belong to nobody.
    """
    token = _OWNER.set(on_fault)
    try:
        yield
    finally:
        _OWNER.reset(token)


def guarded(callback: Callable[..., Any], where: str, otherwise: Any = None) -> Any:
    """Wrap a callback or a coroutine; after an exception it returns `otherwise`."""
    owner = _OWNER.get()
    if owner is not None:
        return _owned(callback, owner, otherwise)
    if inspect.iscoroutinefunction(callback):

        @functools.wraps(callback)
        async def wait(*args: Any, **options: Any) -> Any:
            try:
                return await callback(*args, **options)
            except Exception as error:
                FAULTS.note(where, error)
                return otherwise

        wait.walled = True  # type: ignore[attr-defined]
        return wait

    @functools.wraps(callback)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return callback(*args, **options)
        except Exception as error:
            FAULTS.note(where, error)
            return otherwise

    call.walled = True  # type: ignore[attr-defined]
    return call


def _owned(callback: Callable[..., Any], owner: OnFault, otherwise: Any) -> Any:
    """Wrap a callback or a coroutine whose faults an owner hears of."""
    if inspect.iscoroutinefunction(callback):

        @functools.wraps(callback)
        async def wait(*args: Any, **options: Any) -> Any:
            # Others run while it waits, so it is no owner of what is made in it.
            try:
                return await callback(*args, **options)
            except GeneratorExit:
                raise
            except BaseException as error:
                owner(error)
                return otherwise

        wait.walled = True  # type: ignore[attr-defined]
        return wait

    @functools.wraps(callback)
    def call(*args: Any, **options: Any) -> Any:
        with owned_by(owner):
            try:
                return callback(*args, **options)
            except BaseException as error:
                owner(error)
                return otherwise

    call.walled = True  # type: ignore[attr-defined]
    return call


def walled(callback: Any) -> bool:
    """Whether a callback has a wall around it."""
    return getattr(callback, 'walled', False)


def when_done(future: Any, callback: Callable[[Any], object]) -> None:
    """Have a callback or coroutine called with a future when that is done."""
    future.add_done_callback(guarded(callback, f'the answer for {name_of(callback)}'))


def answering(callback: Callable[..., Any], kind: Any, where: str) -> Callable[..., Any]:
    """Wrap the callback of a service: after an exception the caller gets an error."""

    @functools.wraps(callback)
    async def answer(request: Any, response: Any) -> Any:
        try:
            answered = callback(request, response)
            if inspect.isawaitable(answered):
                answered = await answered
            _check_sendable(answered, kind.Response)
        except Exception as error:
            return _refusal(kind.Response(), FAULTS.note(where, error), request)
        return answered

    answer.walled = True  # type: ignore[attr-defined]
    return answer


def guard_services(node: Node) -> None:
    """Put a wall around the services that a node has of its own, such as its parameters'."""
    for service in node.services:
        if not walled(service.callback):
            where = f'service {service.srv_name}'
            service.callback = answering(
                checked(service.callback, service.srv_type), service.srv_type, where
            )


def executing(callback: Callable[..., Any], kind: Any, where: str) -> Callable[..., Any]:
    """Wrap what executes the goals of an action: after an exception the goal is aborted."""

    @functools.wraps(callback)
    async def execute(goal: ServerGoalHandle) -> Any:
        try:
            result = callback(goal)
            if inspect.isawaitable(result):
                result = await result
            _check_sendable(result, kind.Result)
        except Exception as error:
            text = FAULTS.note(where, error)
            if goal.is_active:
                goal.abort()
            return _refusal(kind.Result(), text)
        return result

    execute.walled = True  # type: ignore[attr-defined]
    return execute


def on_set_parameters(
    node: Node,
    check: Callable[[list[Any]], SetParametersResult],
    apply: Callable[[list[Any]], None] | None = None,
) -> None:
    """Have parameters checked before they are set, and taken note of after."""

    @functools.wraps(check)
    def checked(parameters: list[Any]) -> SetParametersResult:
        try:
            return check(parameters)
        except Exception as error:
            return SetParametersResult(
                successful=False, reason=FAULTS.note('the check of parameters', error)
            )

    node.add_on_set_parameters_callback(checked)
    if apply is not None:
        node.add_post_set_parameters_callback(guarded(apply, 'the setting of parameters'))


def guarded_goal(callback: Callable[..., Any], where: str) -> Any:
    """Wrap the callback that takes or rejects goals: after an exception it is rejected."""
    return guarded(callback, where, GoalResponse.REJECT)


def guarded_cancel(callback: Callable[..., Any], where: str) -> Any:
    """Wrap the callback that takes or rejects a cancel: after an exception it is rejected."""
    return guarded(callback, where, CancelResponse.REJECT)


def _check_sendable(answer: Any, kind: Any) -> None:
    """Raise what sending would raise, which would leave the caller without an answer."""
    if not isinstance(answer, kind):
        raise TypeError(f'expected a {kind.__name__}, not {type(answer).__name__}')
    serialize_message(answer)


def _refusal(answer: Any, text: str, request: Any = None) -> Any:
    """Put an error into a response or result whose fields have their defaults."""
    fields = answer.get_fields_and_field_types()
    results = fields.get('results', '')
    if 'SetParametersResult' in results:  # One for each that was asked for.
        refused = SetParametersResult(successful=False, reason=text)
        answer.results = [refused] * len(request.parameters)
    elif fields.get('result') == 'rcl_interfaces/SetParametersResult':
        answer.result = SetParametersResult(successful=False, reason=text)
    for name in _ERROR_FIELDS:
        kind = fields.get(name)
        if kind in ('string', 'sequence<string>'):
            setattr(answer, name, text if kind == 'string' else [text])
            break
    return answer


def name_of(callback: Callable[..., Any]) -> str:
    """Name a callback for the log."""
    return getattr(callback, '__qualname__', repr(callback)).replace('.<locals>', '')
