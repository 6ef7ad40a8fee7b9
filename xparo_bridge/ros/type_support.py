# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Load messages without the generator of their code, which nothing needs while a robot runs."""

from __future__ import annotations

import importlib
from importlib.util import find_spec, module_from_spec
import sys
from typing import Any

_PACKAGE = 'rosidl_generator_py'
_NEEDED = 'import_type_support'


def leave_out_generator() -> None:
    """
    Have `rosidl_generator_py` imported without what generates code, until that is asked for.

    Each message type asks that package for its C type support, and the package imports EmPy and
    lark beside it, with the parser for IDL: 9 MB of a process of 110, and 0.2 s of its start. To
    be called before the first publisher, subscription, service or node is made; where the package
    is not as it is known here, it is imported as it is.
    """
    if _PACKAGE in sys.modules:
        return
    try:
        spec = find_spec(_PACKAGE)
    except (ImportError, ValueError):
        return
    if spec is None or spec.loader is None or not spec.submodule_search_locations:
        return
    loader = spec.loader
    module = module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    submodule = f'{_PACKAGE}.{_NEEDED}_impl'
    try:
        needed = getattr(importlib.import_module(submodule), _NEEDED)
    except (ImportError, AttributeError):
        sys.modules.pop(submodule, None)
        del sys.modules[_PACKAGE]
        return

    def load_the_rest(name: str) -> Any:
        if name.startswith('__'):  # What the import system asks for.
            raise AttributeError(name)
        del module.__dict__['__getattr__']
        loader.exec_module(module)
        return getattr(module, name)

    module.__dict__.update({_NEEDED: needed, '__getattr__': load_the_rest})
