# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Wait for the signals that end a process, whichever thread they come to."""

from __future__ import annotations

import contextlib
import signal
import socket


class StopSignal:
    """
    SIGINT, SIGTERM or SIGHUP, waited for by the main thread.

    The kernel may hand a signal to any thread, those of numpy and DDS included; Python's wake-up
    descriptor is written by whichever it was.
    """

    def __init__(self) -> None:
        # Whether somebody else wants the process to end, which goes before starting anew.
        self.final = False
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        self.final = self.final or number != signal.SIGHUP

    def set(self) -> None:  # noqa: A003
        """Stop for a reason of our own."""
        with contextlib.suppress(OSError):  # At the end already.
            self._write.send(b'\0')

    def wait(self) -> int:
        """Return the signal that came, 0 if it is time to stop for a reason of our own."""
        return self._read.recv(1)[0]

    def ignore_more(self) -> None:
        """Let nothing interrupt the end."""
        # ros2 launch passes on a Ctrl-C that the terminal has sent already; stopping is bounded
        # in time, so there is nothing to interrupt.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def close(self) -> None:
        """Close the descriptors; signals go on being taken note of."""
        signal.set_wakeup_fd(-1)
        self._read.close()
        self._write.close()
