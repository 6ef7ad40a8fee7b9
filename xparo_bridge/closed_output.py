# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
End a program without a traceback when nobody reads what it prints any more, as in `watch | head`,
or when what it was given as a file's name is too long to be one.
"""

from __future__ import annotations

from collections.abc import Callable
import errno
from functools import wraps
import os
import select
import signal
import sys
from typing import ParamSpec, TypeVar

from .exit_codes import WRONG_USAGE

P = ParamSpec('P')
T = TypeVar('T')

# What a shell says of a program that SIGPIPE ended.
UNREAD = 128 + signal.SIGPIPE
_SHOWN = 60  # characters of a name that is too long


def ends_with_its_reader(main: Callable[P, T]) -> Callable[P, T | int]:
    """
    Make a program's `main` end with UNREAD, and not a traceback, when its output is closed.

    And with WRONG_USAGE for the name of a file that none can have, whoever asks for it first.
    SIGPIPE itself stays ignored, as Python has it: it would end a program for a closed socket too.
    """

    @wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> T | int:
        try:
            try:
                return main(*args, **kwargs)
            finally:
                # Here, as what is left would fail in the interpreter's end, with words of its own.
                if not sys.stdout.closed:
                    sys.stdout.flush()
        except BrokenPipeError:
            if not _unread():
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return UNREAD
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            name = str(error.filename)[:_SHOWN]
            print(f'{error.strerror}: {name}…', file=sys.stderr)
            return WRONG_USAGE

    return run


def _unread() -> bool:
    """Whether standard output is a pipe that nobody reads, and no other one broke."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))
