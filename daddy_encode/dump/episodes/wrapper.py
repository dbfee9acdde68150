"""What all wrappers of environments have, of whatever library."""

from __future__ import annotations

import contextlib


class AbandonsRecording:
    """For a wrapper with a recorder as `_recorder`: the recording ends where nobody holds the wrapper any more."""

    def __del__(self) -> None:
        # Nobody can close it any more; without this its recording would wait for the end of the process.
        recorder = vars(self).get("_recorder")
        with contextlib.suppress(Exception):
            if recorder is not None and recorder.writer is not None:
                recorder.abandon()
