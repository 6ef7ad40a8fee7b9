# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read and run the scripting language of trees.

Text becomes tokens (`tokens`), tokens a syntax tree (`syntax`), and the syntax tree, once for
each text, Python closures that are called with a node's blackboard (`compile`). Nothing of a
script is ever given to Python's own compiler.
"""

from .compile import compile_script, Script, ScriptCompiler
from .syntax import parse_script

__all__ = ['Script', 'ScriptCompiler', 'compile_script', 'parse_script']
