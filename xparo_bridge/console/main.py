# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `console`: serves the console's pages."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from ..argument_types import host, Parser, port
from ..closed_output import ends_with_its_reader
from ..local.key_arguments import add_key

DEFAULT_PORT = 8766

DESCRIPTION = """\
A web page to see the robots of a local platform, to command them and to push them trees. It needs
no account and no internet."""
WITHOUT_NICEGUI = """\
console: NiceGUI is not installed. Install it with
  pip install "xparo_bridge[console]"
or, in a checkout or where pip may not write, pip install nicegui"""


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; exit code 0, 1 if it cannot, 2 for wrong arguments."""
    options = _parser().parse_args(argv)
    try:
        import nicegui  # noqa: F401
    except ImportError:
        print(WITHOUT_NICEGUI, file=sys.stderr)
        return 1
    from .serve import serve

    return serve(options)


def _platform(text: str) -> str:
    scheme, _, address = text.rpartition('://')
    name, _, number = address.rstrip('/').rpartition(':')
    if scheme not in ('', 'ws', 'wss') or not name or not number:
        raise argparse.ArgumentTypeError(f'expected HOST:PORT, not {text}')
    host(name.strip('[]'))
    port(number)
    return text


def _parser() -> argparse.ArgumentParser:
    parser = Parser('console', description=DESCRIPTION)
    parser.add_argument(
        '--host', type=host, default='127.0.0.1', help='address to serve on [%(default)s]'
    )
    parser.add_argument(
        '--port', type=port, default=DEFAULT_PORT, help='TCP port, 0 for a free one [%(default)s]'
    )
    parser.add_argument(
        '--platform',
        type=_platform,
        default='127.0.0.1:8765',
        metavar='HOST:PORT',
        help='where the local platform listens, wss://HOST:PORT for TLS [%(default)s]',
    )
    parser.add_argument(
        '--platform-authority',
        metavar='FILE',
        help='PEM certificate of the authority behind its wss [the system has it]',
    )
    add_key(parser)
    parser.add_argument(
        '--certificate', type=Path, metavar='FILE', help='PEM certificate chain, to serve https'
    )
    parser.add_argument(
        '--certificate-key', type=Path, metavar='FILE', help="the certificate's PEM key"
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
