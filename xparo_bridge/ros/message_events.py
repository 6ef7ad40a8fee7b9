# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Have a descriptor become readable when a message of a subscription has come.

rcl calls a function for each message, in the middleware's thread, and rclpy names no way to it. A
function of Python would have that thread wait for the interpreter, while it holds the reader's
locks. So it is `eventfd_write` of the C library itself: its arguments, an int and a number of 64
bits, are in the same registers as rcl's, a pointer and a number of 64 bits, on all 64 bit
machines that ROS 2 runs on.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
import os
import struct
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.subscription import Subscription


def notify(subscription: Subscription, descriptor: int) -> bool:
    """
    Write to an eventfd whenever a message comes, and now if some have; whether that can be done.

    It must have EFD_NONBLOCK. A middleware need not be able to do this.
    """
    return _set(subscription, _eventfd_write(), descriptor) == 0


def notify_no_more(subscription: Subscription) -> None:
    """Write no more; when this returns the descriptor may be closed."""
    _set(subscription, None, None)


def _set(subscription: Subscription, function: Any, argument: int | None) -> int:
    if struct.calcsize('P') != 8:
        return 1
    with subscription.handle:
        result: int = _rcl().rcl_subscription_set_on_new_message_callback(
            subscription.handle.pointer, function, argument
        )
    return result


@lru_cache(maxsize=1)
def _rcl() -> Any:
    # By rclpy's own module, which is linked to it, as nobody knows the names of the files.
    library = ctypes.PyDLL(rclpy_implementation.__file__)
    library.rcl_subscription_set_on_new_message_callback.argtypes = [ctypes.c_void_p] * 3
    return library


@lru_cache(maxsize=1)
def _eventfd_write() -> Any:
    return ctypes.cast(ctypes.CDLL(None).eventfd_write, ctypes.c_void_p)


def make_eventfd() -> int:
    """Make a descriptor for `notify`."""
    return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
