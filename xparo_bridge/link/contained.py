# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keeps a fault within the task where it happened.

asyncio lets SystemExit and KeyboardInterrupt out of a task through the whole loop, and takes a
CancelledError that nobody asked for as the end that was requested; from a protocol adapter, which
anybody may write, either would end every link.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
from typing import Any, TypeVar

from ..errors import BridgeError

Result = TypeVar('Result')


class LinkFault(BridgeError):
    """Something of a link failed in a way that nobody foresaw; the cause is chained."""


def begin(work: Awaitable[Result]) -> asyncio.Task[Result]:
    """Begin a task that can only end by its result, an ordinary exception or its cancellation."""
    return asyncio.ensure_future(contain(work))


async def contain(work: Awaitable[Result]) -> Result:
    """Wait for work, of which every fault comes out as an ordinary exception."""
    try:
        return await work
    except (Exception, GeneratorExit):
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise LinkFault(f'{type(error).__name__}: {error}') from error


def call(function: Callable[..., Result], *args: Any) -> Result:
    """Call what others wrote; every fault of it comes out as an ordinary exception."""
    try:
        return function(*args)
    except (StopIteration, StopAsyncIteration, asyncio.CancelledError) as error:
        # In a coroutine these mean something else.
        raise LinkFault(f'{type(error).__name__}: {error}') from error
    except Exception:
        raise
    except BaseException as error:
        raise LinkFault(f'{type(error).__name__}: {error}') from error


async def end(*tasks: asyncio.Task[Any], within: float = 1.0) -> None:
    """Cancel tasks and wait for their end, but not for one that does not hear of it, s."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=within)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # Whoever needs to know has asked.


async def within(seconds: float, waiting: Awaitable[Any]) -> None:
    """Wait for something, but not longer."""
    # Not wait_for: that of Python 3.11 may swallow a cancellation.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting


async def for_ever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()
