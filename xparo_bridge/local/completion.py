# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Write the shell's completion of every executable, from their own command lines.

`eval "$(ros2 run xparo_bridge local_platform completion)"` gives bash and zsh a short name for
`ros2 run xparo_bridge`, `xparo`, and lets Tab complete executables, verbs, options and choices.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
import sys
from typing import Any, NoReturn

_SCRIPT = """\
# Completion of xparo_bridge for bash and zsh; made by: local_platform completion
if [ -n "${{ZSH_VERSION:-}}" ]; then
    autoload -U +X compinit bashcompinit && compinit && bashcompinit
fi
xparo() {{ {run} "$@"; }}
_xparo() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" at="" word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case " {known} " in *" ${{at:+$at/}}$word "*) at="${{at:+$at/}}$word";; esac
    done
    local words=""
    case "$at $before" in
{choices}
        *)
            case "$at" in
{words}
            esac;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _xparo xparo
"""


class _Found(BaseException):
    """A command line was about to be read: its parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Name and command line of each executable, taken as it begins to read its arguments."""

    def found(parser: argparse.ArgumentParser, *arguments: Any, **options: Any) -> NoReturn:
        raise _Found(parser)

    scripts = distribution('xparo_bridge').entry_points.select(group='console_scripts')
    reads, arguments = argparse.ArgumentParser.parse_known_args, sys.argv
    try:
        argparse.ArgumentParser.parse_known_args = found  # type: ignore[method-assign, assignment]
        for script in sorted(scripts, key=lambda script: script.name):
            sys.argv = [script.name, '--help']
            try:
                script.load()()
            except _Found as reading:
                yield script.name, reading.parser
    finally:
        argparse.ArgumentParser.parse_known_args = reads  # type: ignore[method-assign]
        sys.argv = arguments


def script(executables: Mapping[str, argparse.ArgumentParser], run: str) -> str:
    """Return the text for a shell; `run` is what the short name stands for."""
    words = {'': sorted(executables)}
    choices: dict[str, list[str]] = {}
    for name, parser in executables.items():
        _walk(name, parser, words, choices)
    return _SCRIPT.format(
        run=run,
        known=' '.join(key for key in words if key),
        choices='\n'.join(
            f'        "{key}") words="{" ".join(found)}";;' for key, found in choices.items()
        ),
        words='\n'.join(
            f'                "{key}") words="{" ".join(found)}";;' for key, found in words.items()
        ),
    )


def _walk(
    key: str,
    parser: argparse.ArgumentParser,
    words: dict[str, list[str]],
    choices: dict[str, list[str]],
) -> None:
    """Take the options, choices and verbs of a command line, and of each of its verbs."""
    mine = words[key] = []
    for action in parser._actions:
        mine += [option for option in action.option_strings if option.startswith('--')]
        if isinstance(action, argparse._SubParsersAction):
            for verb, its in action.choices.items():
                mine.append(verb)
                _walk(f'{key}/{verb}', its, words, choices)
        elif action.choices and not action.option_strings:
            mine += [str(choice) for choice in action.choices]
        elif action.choices:
            for option in action.option_strings:
                choices[f'{key} {option}'] = [str(choice) for choice in action.choices]
