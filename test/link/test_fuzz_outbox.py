# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of fuzzing the outbox's file."""

import importlib.util
from pathlib import Path


def test_a_damaged_outbox_is_set_aside_or_read_and_never_fatal():
    path = Path(__file__).with_name('fuzz_outbox.py')
    spec = importlib.util.spec_from_file_location('fuzz_outbox', path)
    fuzz_outbox = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz_outbox)
    fuzz_outbox.fuzz(seconds=1.0)
