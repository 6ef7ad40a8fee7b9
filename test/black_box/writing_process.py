# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Record numbered messages as fast as the recorder takes them, until killed: FOLDER BYTES."""

from __future__ import annotations

from pathlib import Path
import struct
import sys
import time

from xparo_bridge.black_box.recorder import Recorder, Settings, Stream, TextStream

_LEAST_WAITING = 4_000_000


def main(folder: Path, size: int) -> None:
    """Say each half second which number everything is handed over up to, and when."""
    recorder = Recorder(
        Settings(folder, max_bytes=20_000_000, min_free=0, sync_period=0.3),
        lambda kind: 'uint8[] data\n',
    )
    recorder.start()
    stream, text = Stream('/numbers', 'test_msgs/msg/Bytes'), TextStream('/events')
    number, said = 0, 0.0
    filling = bytes(size)
    print('ready', flush=True)
    while True:
        number += 1
        recorder.put(stream, struct.pack('<Q', number) + filling, time.time_ns(), time.time_ns())
        if number % 100 == 0:
            recorder.put_object(text, lambda number=number: {'number': number}, 50)
        while recorder._waiting > _LEAST_WAITING:  # Nothing is to be left out.
            time.sleep(0.01)
        if time.monotonic() - said > 0.2:
            said = time.monotonic()
            print(number, said, flush=True)
        if number % 20 == 0:
            time.sleep(0.002)


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]))
