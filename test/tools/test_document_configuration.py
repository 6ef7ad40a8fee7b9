# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the configuration has every key, as the schema says it."""

from tools.document_configuration import COMMANDS, commands_page, PAGE, page


def test_the_table_of_keys_is_up_to_date():
    text = PAGE.read_text()
    assert page(text) == text, 'run .venv/bin/python tools/document_configuration.py'
    assert '`links[].heartbeat.interval`' in text


def test_the_table_of_what_each_kind_takes_is_up_to_date():
    text = COMMANDS.read_text()
    assert commands_page(text) == text, 'run .venv/bin/python tools/document_configuration.py'
    for row in (
        '| `set_parameter` | `allowed` |',
        '| `set_parameter` | `allowed.*.node` |',
        '| `teleop` | `deadman` |',
    ):
        assert row in text
