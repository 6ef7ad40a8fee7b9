# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Give the builtin decorators what they have in common: the icon that py_trees' viewers draw."""

from __future__ import annotations

from .. import viewers
from ..branches import DecoratorNode


class Decorator(DecoratorNode, viewers.Decorator):  # type: ignore[misc]
    """A decorator that viewers of py_trees recognise as one."""
