"""Frames that are at hand, or that come out of a generator, into a directory: all of them or nothing."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daddy_encode.dump.files import directory as dump_directory
from daddy_encode.dump.writer import check_arguments
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.frames import frame_name, frame_path
from daddy_encode.spool.manifest import Manifest, Video, write_manifest
from daddy_encode.spool.paths import absolute
from daddy_encode.spool.png.frame_arrays import checked
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import CHOOSE_EVERY, choose_filter, compress_rows, filter_rows, rows_for
from daddy_encode.spool.publish import write_error
from daddy_encode.spool.rate import fps_in_json

# Threads help with frames that take this long each; with shorter ones they cost more than they bring.
_WORTH_A_THREAD_SECONDS = 0.001
# So many frames tell how long one takes: the quickest, for the machine may have been busy with something else.
_TIMED_FRAMES = 4


def dump_frames(
    frames: Iterable[Any],
    output_dir: str | os.PathLike[str],
    *,
    fps: object = 30,
    video: Video | None = None,
    meta: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """See `daddy_encode.video_utils.save_frames_as_png`, which this is."""
    rate = fps_in_json(fps)
    check_arguments(video=video)
    # Absolute: a generator of frames may change the working directory.
    directory = absolute(Path(output_dir))
    if not overwrite:
        dump_directory.refuse_old_dump(directory)
    made_directory: bool | None = None
    files = _Files(directory)
    try:
        with contextlib.closing(files):
            for index, frame in enumerate(checked(frames)):
                if index == 0:
                    made_directory = dump_directory.prepare_directory(directory, overwrite=overwrite)
                files.write(index, frame)
        # Only now is `meta` read: a generator of frames may know its episode's return at its end.
        height, width = frame.shape[:2]
        manifest = Manifest(frames=index + 1, width=width, height=height, fps=rate, video=video, meta=dict(meta or {}))
        write_manifest(directory, manifest)
    except BaseException:
        # Else what is there is not ours.
        if made_directory is not None:
            dump_directory.remove_recording(directory, files.written, made_directory=made_directory)
        raise
    return list(map(Path(output_dir).joinpath, map(frame_name, range(index + 1))))


class _Files:
    """Writes frames in the caller's thread and, where that pays, in helper threads; `written` are those on disk."""

    def __init__(self, directory: Path) -> None:
        self.written: list[int] = []
        self._directory = str(directory)
        self._budget = DiskBudget(directory)
        self._seconds = float("inf")
        self._threads: list[threading.Thread] = []
        self._work: queue.SimpleQueue[tuple[int, Pixels, tuple[int, ...]] | None] = queue.SimpleQueue()
        self._spare_rows: list[Pixels] = []
        self._error: DaddyEncodeError | None = None

    def write(self, index: int, frame: Pixels) -> None:
        """Write the next frame, or let a helper do it; the frame may change afterwards.

        Raises SpoolError where this frame or an earlier one, which it names, could not be written.
        """
        start = time.perf_counter()
        if index % CHOOSE_EVERY == 0:
            self._filter = choose_filter(frame)
        rows = self._spare_rows.pop() if self._spare_rows else rows_for(frame.shape)
        filter_rows(frame, self._filter, rows)
        # One for each waits while it works, so that it never waits for this thread, which is at a frame of its own.
        if self._threads and self._work.qsize() < len(self._threads):
            self._work.put((index, rows, frame.shape))
        else:
            self._finish(index, rows, frame.shape)
            if index < _TIMED_FRAMES:
                self._seconds = min(self._seconds, time.perf_counter() - start)
            elif index == _TIMED_FRAMES and self._seconds >= _WORTH_A_THREAD_SECONDS:
                # Where the system allows no more, those that are there do it.
                with contextlib.suppress(RuntimeError):
                    for _ in range(min(len(os.sched_getaffinity(0)), 8) - 1):
                        thread = threading.Thread(target=self._help, name=f"frames of {self._directory}", daemon=True)
                        thread.start()
                        self._threads.append(thread)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Wait for the helpers. Raises as `write`."""
        for _ in self._threads:
            self._work.put(None)
        try:
            for thread in self._threads:
                thread.join()
        except BaseException:
            # An interrupt. What helpers still write will be removed, so it has to be there.
            for thread in self._threads:
                thread.join()
            raise
        if self._error is not None:
            raise self._error

    def _help(self) -> None:
        while (work := self._work.get()) is not None:
            self._finish(*work)

    def _finish(self, index: int, rows: Pixels, shape: tuple[int, ...]) -> None:
        path = frame_path(self._directory, index)
        try:
            # Before it is: an interrupt may come at any moment.
            self.written.append(index)
            self._budget.write(path, compress_rows(rows, shape))
        except Exception as error:
            self.written.remove(index)
            self._error = self._error or write_error(error, Path(path))
        self._spare_rows.append(rows)
