# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Run the executable of a name: `python -m xparo_bridge NAME`."""

from importlib.metadata import distribution
import importlib.util
from pathlib import Path
import sys


def find_the_package() -> None:
    """
    Load the package anew if a folder of its name in the current one has hidden it.

    A checkout that is named xparo_bridge is such a folder: Python takes it for a part of the
    package, and runs the __init__.py of neither.
    """
    if getattr(sys.modules.get('xparo_bridge'), '__file__', None) is not None:
        return
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        'xparo_bridge', folder / '__init__.py', submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules['xparo_bridge'] = module
    spec.loader.exec_module(module)


def main() -> int | str | None:
    """
    Run the executable named by the first argument with the rest of them.

    The executables are the package's console scripts, as for `ros2 run xparo_bridge NAME`.
    """
    find_the_package()
    scripts = distribution('xparo_bridge').entry_points.select(group='console_scripts')
    name = sys.argv[1] if len(sys.argv) > 1 else ''
    if name in scripts.names:
        sys.argv[:2] = [name]
        result: int | str | None = scripts[name].load()()
        return result
    names = ' '.join(sorted(scripts.names))
    usage = f'usage: python -m xparo_bridge NAME [argument ...]\nNAME is one of: {names}'
    if name in ('-h', '--help'):
        print(usage)
        return None
    return f'no executable {name!r}\n{usage}' if name else usage


if __name__ == '__main__':
    sys.exit(main())
