# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does any frame make an adapter fail other than by ProtocolError, or take its time?"""

import fuzzing
from hypothesis import given, HealthCheck, settings
import pytest
import vectors


@pytest.mark.parametrize('frame', fuzzing.MONSTERS, ids=range(len(fuzzing.MONSTERS)))
@pytest.mark.parametrize('protocol', vectors.ADAPTERS)
def test_a_monstrous_frame_is_refused_or_read_in_time(protocol, frame):
    fuzzing.check(fuzzing.feed(vectors.adapter(protocol), frame))


@pytest.mark.parametrize('protocol', vectors.ADAPTERS)
def test_any_frame_is_read_or_refused(protocol):
    adapter = vectors.adapter(protocol)

    @settings(
        max_examples=100,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(frame=fuzzing.frames(protocol))
    def read(frame):
        fuzzing.check(fuzzing.feed(adapter, frame))

    read()


@pytest.mark.parametrize('protocol', vectors.ADAPTERS)
def test_an_error_never_reports_a_secret(protocol):
    secrets = {
        'secret_key': 's3cr3t',
        'project_id': 'pr0j3ct',
        'session_id': 's3cr3t',
        'user_id': 's3cr3t',
        'credential': 's3cr3t',
    }
    known = vectors.ADAPTERS[protocol][0].__init__.__kwdefaults__ or {}
    required = vectors.ADAPTERS[protocol][1]
    adapter = vectors.adapter(
        protocol,
        **{key: value for key, value in secrets.items() if key in known or key in required},
    )
    for frame in fuzzing.MONSTERS:
        try:
            adapter.decode(frame)
        except Exception as error:
            assert 's3cr3t' not in str(error) and 'pr0j3ct' not in str(error)
    assert 's3cr3t' not in adapter.redacted_url() and 'pr0j3ct' not in adapter.redacted_url()
    by_rest = adapter.by_rest('{}')
    assert 's3cr3t' not in repr(adapter) + repr(by_rest)
