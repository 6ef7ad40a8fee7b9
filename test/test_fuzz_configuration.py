# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of fuzzing the configuration."""

import importlib.util
from pathlib import Path


def test_any_configuration_is_loaded_or_refused_with_its_place():
    path = Path(__file__).with_name('fuzz_configuration.py')
    spec = importlib.util.spec_from_file_location('fuzz_configuration', path)
    fuzz_configuration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz_configuration)
    fuzz_configuration.fuzz(seconds=1.0)
