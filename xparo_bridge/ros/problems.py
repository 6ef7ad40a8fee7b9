# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What of a node's work cannot be done now, by name: logged once, and once more when it can be.

Whoever finds that something cannot be shown, read or found reports it here; the bridge's status
and diagnostics list what is not yet mended. One of these belongs to each node.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
import re
from threading import Lock
import time

from rclpy.node import Node

from .of_node import one_of, share

# Names come from the graph, where anybody may make ever new ones.
_MOST = 500
_LONGEST = 400
# Texts that differ in numbers alone are no news: what a sensor says changes with each message.
_NUMBER = re.compile(r'(?<![\w/])[-+]?\d+(\.\d+)?(e[-+]?\d+)?(?![\w/])')
# A problem that comes and goes is logged this often at most, s; status always has it.
_QUIET = 30.0


class Problems:
    """The problems of one node; may be used from any thread."""

    def __init__(self, node: Node) -> None:
        """Take whose log is used; see `of` for the one of a node."""
        self._logger = node.get_logger()
        self._lock = Lock()
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._logged: OrderedDict[tuple[str, str], float] = OrderedDict()
        # Called after each change.
        self.on_change: Callable[[], object] = lambda: None

    @classmethod
    def of(cls, node: Node) -> Problems:
        """Return the node's, the same for all who ask."""
        return one_of(node, cls, lambda: cls(node))

    @classmethod
    def share(cls, node: Node, other: Node) -> None:
        """Let a node report its problems as those of another one."""
        share(node, cls, cls.of(other))

    def report(self, name: str, text: str, *, in_log: bool = False) -> None:
        """Say what is wrong with what has this name, unless it was said or the log has it."""
        text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'
        with self._lock:
            if self._texts.get(name) == text:
                return
            self._texts[name] = text
            if len(self._texts) > _MOST:
                self._texts.popitem(last=False)
        if not in_log and self._is_news(name, _NUMBER.sub('#', text)):
            self._logger.warning(f'{name}: {text}')
        self.on_change()

    def solved(self, name: str, text: str = 'works now') -> None:
        """Take back what was reported of a name, if anything was."""
        if name not in self._texts:  # Asked for each message: no lock.
            return
        with self._lock:
            found = self._texts.pop(name, None)
        if found is not None:
            if self._is_news(name, text):
                self._logger.info(f'{name}: {text}')
            self.on_change()

    def forget(self, name: str) -> None:
        """Take back without a word: nobody wants it any more."""
        with self._lock:
            found = self._texts.pop(name, None)
        if found is not None:
            self.on_change()

    @property
    def now(self) -> Mapping[str, str]:
        """What is wrong now, by name, oldest first."""
        with self._lock:
            return dict(self._texts)

    def _is_news(self, name: str, text: str) -> bool:
        now = time.monotonic()
        with self._lock:
            last = self._logged.pop((name, text), None)
            fresh = last is None or now - last > _QUIET
            self._logged[name, text] = now if fresh or last is None else last
            if len(self._logged) > 2 * _MOST:
                self._logged.popitem(last=False)
        return fresh
