# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What do the builtin decorators have in common: the icon that py_trees' viewers draw."""

from __future__ import annotations

import py_trees

from ..branches import DecoratorNode


class Decorator(DecoratorNode, py_trees.decorators.Decorator):  # type: ignore[misc]
    """A decorator that viewers of py_trees recognise as one."""
