# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Run the executable of a name: `python -m xparo_bridge NAME`."""

from importlib.metadata import distribution
import sys


def main() -> int | str | None:
    """
    Run the executable named by the first argument with the rest of them.

    The executables are the package's console scripts, as for `ros2 run xparo_bridge NAME`.
    """
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
