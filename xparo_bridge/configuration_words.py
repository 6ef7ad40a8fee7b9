# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say what is wrong with a value of a configuration, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .alike import alike
from .configuration_hints import homes, type_hint
from .json_schema import Problem, Validator
from .yaml_layers import KeyPath

# Characters of the schema's words, which repeat the value.
_LONGEST_TEXT = 500
# What has been put into configuration files and must not be there.
_SECRETS = frozenset(
    ('secret_key', 'secret', 'project_id', 'password', 'token', 'api_key', 'credentials')
)


def explained(
    sources: Mapping[KeyPath, str],
    at: KeyPath,
    part: Any,
    validator: Validator,
    root: dict[str, Any] | None = None,
) -> Iterator[tuple[KeyPath, str]]:
    """
    Yield everything in a part that its schema does not allow, with paths below `at`.

    `sources` has the texts of plain values as they stand in the files, by their whole paths;
    `root` is the whole schema, for where else a key belongs.
    """
    for error in sorted(validator.problems(part), key=lambda error: list(map(str, error.path))):
        for path, text in _explain(error, root or {}):
            source = sources.get((*at, *path))
            yield path, text + type_hint(error, source)


def _explain(error: Problem, root: dict[str, Any]) -> Iterable[tuple[KeyPath, str]]:
    path: KeyPath = error.path
    rule: Any = error.schema
    purpose = rule.get('description', '') if isinstance(rule, dict) else ''
    if error.keyword == 'additionalProperties' and isinstance(error.instance, dict):
        known = list(rule.get('properties', {}))
        for key in error.instance:
            if key not in known:
                own = error.instance[key]
                yield (*path, str(key)), _unknown_key(str(key), known, own, root)
    elif (path == () and error.keyword == 'required') or (
        path == ('links',) and not error.instance
    ):
        yield (
            ('links',),
            'no platform is named that could be dialled; give a file by config:=FILE that holds '
            'links: [{name: platform, protocol: xparo, url: "wss://HOST/ws/chatbot"}]',
        )
    else:
        text = error.message
        if len(text) > _LONGEST_TEXT:
            text = text[:_LONGEST_TEXT] + '…'
        yield path, text + (f' ({purpose})' if purpose else '')


def _unknown_key(key: str, known: list[str], value: Any, root: dict[str, Any]) -> str:
    if key in _SECRETS:
        return (
            'secrets do not stand in configuration files; set XPARO_SECRET_KEY and '
            'XPARO_PROJECT_ID in the environment, or put secret_key and project_id into a file of '
            "mode 0600 that the link's credentials_file names"
        )
    if isinstance(value, dict) and 'ros__parameters' in value:
        return (
            'this is a file of ROS parameters; give it by --ros-args --params-file, and by config '
            "only the bridge's own files"
        )
    near = alike(key, known, 1)
    if ':' in key:
        return f'no such key; write a space after the colon: "{key.replace(":", ": ", 1)}"'
    if near:
        return f'no such key; did you mean "{near[0]}"?'
    if elsewhere := homes(key, root):
        return f'no such key here; there is {" and ".join(elsewhere)}'
    return f'no such key; known: {", ".join(known)}'
