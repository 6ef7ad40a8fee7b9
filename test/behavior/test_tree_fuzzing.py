# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the fuzz targets find nothing in a short time; `make fuzz` gives them a long one."""

import fuzz_reader
import fuzz_scripts
from hypothesis import HealthCheck, settings

short = settings(max_examples=300, deadline=5000, suppress_health_check=list(HealthCheck))


def test_no_script_raises_anything_but_its_own_error():
    short(fuzz_scripts.check)()


def test_no_document_raises_anything_but_its_own_error():
    short(fuzz_reader.check)()
