# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the configuration has every key, as the schema says it."""

from tools.document_configuration import PAGE, page


def test_the_table_of_keys_is_up_to_date():
    text = PAGE.read_text()
    assert page(text) == text, 'run .venv/bin/python tools/document_configuration.py'
    assert '`links[].heartbeat.interval`' in text
