"""FrameWriter: a rollout hands over frames and goes on; others compress and write them."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from daddy_encode.dump import at_exit, crew
from daddy_encode.dump.arguments import check_choices, check_numbers
from daddy_encode.dump.background import Background
from daddy_encode.dump.backgrounds import new_background
from daddy_encode.dump.directory import prepare_directory, refuse_old_dump
from daddy_encode.dump.frames import Frame, as_frame
from daddy_encode.errors import DaddyEncodeError, FrameError, ManifestError, SettingsError, SpoolError, one_line
from daddy_encode.spool.manifest import Manifest, Video, write_manifest
from daddy_encode.spool.paths import absolute
from daddy_encode.spool.rate import fps_in_json
from daddy_encode.spool.records import encode_json
from daddy_encode.spool.slurm_process import ROLLOUT_NAME, write_slurm_process

if TYPE_CHECKING:
    from daddy_encode.dump.apart import Apart

# Enough for a second of 720p at 30 fps and more, while a shared file system pauses.
MAX_BYTES = 128 * 2**20
_ERROR_LENGTH = 2000  # for a line in a log


class FrameWriter:
    """Frames into a directory, from a rollout that goes on meanwhile: `000000.png`, …, and last `manifest.json`.

        with FrameWriter("run-17/episode-0003", fps=30, meta={"seed": 3}) as frames:
            frames.write(env.render(), reward=reward)
            frames.meta["return"] = total

    output_dir: made at the first frame. One that already holds numbered PNGs, a manifest or annotations is refused.
    fps: frames per second at which the recording plays: a number, a Fraction or "30000/1001". Default 30.
    video: what the encoder shall make, "mp4", "gif" or "both"; None (default) leaves it to the encoder.
    meta: JSON values for the manifest. A copy is in the attribute `meta`, to be changed until `close`.
    overwrite: at the first frame, remove the dump that is there, and nothing else. Default False.
    workers: how many compress and write, at most. Default 2. The files do not depend on it.
    processes: True (default): they are processes, at most one per processor, which all writers of this process share
        and which stay for the next one; the first takes about 0.2 s to start. False, and where none can be: threads.
    max_bytes: pixels held in memory, in bytes, taken but not yet on disk. Default 128 MiB. Beside it each worker
        needs about three frames while it compresses.
    when_full: "block" (default) makes `write` wait for room; "drop" lets it drop the frame and return False. What
        was dropped is told: `dropped_before` in the annotations of the next frame, `dropped_frames` in the
        manifest's meta, and a RuntimeWarning at `close`.
    min_free: bytes to leave free on the file system; None (default) is 1 % of it, at most 1 GiB, and 0 is no limit.
        Unless it is 0, 1 % of the inodes (at most 10 000) stay free too.
    on_error: what happens when the disk fails, or runs below `min_free`. "raise" (default): the next `write`, or
        `close`, raises. "stop": it warns (RuntimeWarning) and drops further frames, and the rollout goes on.

    The manifest says `complete: false`, with the error, after a failure and when the `with` block is left by an
    exception; its `frames` are those on disk in an unbroken row. So does the one that the end of the interpreter
    writes for lack of `close`. A process that is killed leaves frames and no manifest.
    In a forked child, `write` raises SpoolError and `close` does nothing. Only one thread at a time may call a writer.

    Raises SettingsError, ManifestError (both ValueErrors) or SpoolError, for arguments that cannot work.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike[str],
        fps: object = 30,
        video: Video | None = None,
        meta: Mapping[str, Any] | None = None,
        *,
        overwrite: bool = False,
        workers: int = 2,
        processes: bool = True,
        max_bytes: int = MAX_BYTES,
        when_full: Literal["block", "drop"] = "block",
        min_free: int | None = None,
        on_error: Literal["raise", "stop"] = "raise",
    ) -> None:
        self._new_manifest = partial(Manifest, fps=fps_in_json(fps), video=video)
        check_choices(video=video, when_full=when_full, on_error=on_error)
        check_numbers(workers=workers, max_bytes=max_bytes, min_free=min_free)
        # Absolute: the rollout may change its working directory, and others write later.
        self.directory = absolute(Path(output_dir))
        self.meta: dict[str, Any] = dict(meta or {})
        # Better now than after the rollout.
        encode_json(self.meta)
        if not overwrite:
            refuse_old_dump(self.directory)
        self._overwrite = overwrite
        self._workers, self._processes, self._max_bytes = workers, processes, max_bytes
        self._wait = when_full == "block"
        self._min_free = min_free
        self._on_error = on_error
        self._shape: tuple[int, ...] = ()
        self._made_directory = False
        self._background: Background | Apart | None = None
        self._accepted = self._dropped = self._dropped_before = 0
        self._failure: DaddyEncodeError | None = None
        self._reported = self._closing = self._discarded = False
        self._end: str | None = None
        self._finished = threading.Event()
        self._pid = os.getpid()
        if processes:
            crew.begin()

    @property
    def frames(self) -> int:
        """How many frames were taken so far."""
        return self._accepted

    @property
    def dropped(self) -> int:
        """How many frames were not taken: no room with when_full="drop", or after a failure with on_error="stop"."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """Whether all is over: frames and manifest are on disk, or have failed."""
        return self._finished.is_set()

    def write(self, frame: Any, /, **annotations: Any) -> bool:
        """Copy the next frame, to be compressed and written later; False where it was dropped, as asked.

        The renderer may use its buffer again at once. `take` saves the copy where nobody does.

        frame: uint8, (H, W, 3), (H, W, 4) with straight alpha, (H, W) or (H, W, 1), all of one shape and any
            strides; what numpy can make an array of, such as a tensor in CPU memory.
        annotations: JSON values about this frame (step, reward, action, …), numpy's scalars and arrays too. Line n of
            `annotations.jsonl` is the object of frame n, `{}` for a frame without any.

        Raises FrameError for a bad frame, ManifestError for an annotation that is no JSON (both ValueErrors; the
        writer can go on), SpoolError when an earlier frame, which it names, could not be written.
        """
        return self._put(frame, annotations, copy=True)

    def take(self, frame: Any, /, **annotations: Any) -> bool:
        """As `write`, but the array itself is read later: nobody may change its pixels any more."""
        return self._put(frame, annotations, copy=False)

    def close(self, error: BaseException | str | None = None, *, wait: bool = True) -> None:
        """Write what is in flight, then the manifest. A second call does nothing.

        error: why the rollout ended early; the manifest is then `complete: false`.
        wait: False returns at once; another `close` waits, and says what went wrong.

        Raises FrameError where there was no frame and no error, SpoolError where a frame or the manifest could not
        be written, ManifestError where `meta` is no JSON: each only once, and with on_error="stop" as a warning.
        """
        if self._pid != os.getpid():
            return
        if not self._closing:
            self._closing = True
            self._end = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
            if self._dropped:
                self.meta["dropped_frames"] = self._dropped
            if self._background is None:
                self._finish()
            else:
                self._background.close(drop=self._discarded)
        if wait:
            self._finished.wait()
            if not self._reported and not self._failed() and self._dropped:
                self._reported = True
                self._warn(f"{self._dropped} of {self._dropped + self._accepted} frames were dropped: no room")

    def discard(self) -> None:
        """End without a recording: remove every file this writer wrote, and the directory if it made it."""
        if self._pid != os.getpid():
            return
        self._discarded = True
        self.close("discarded", wait=False)
        self._finished.wait()
        if self._background is not None:
            self._background.row.remove()
        if self._made_directory:
            with contextlib.suppress(OSError):
                os.rmdir(self.directory)

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # An exception that is on its way says more than what happened because of it.
        with contextlib.suppress(*[] if error is None else [DaddyEncodeError]):
            self.close(error)

    def _put(self, frame: Any, annotations: dict[str, Any], *, copy: bool) -> bool:
        if self._pid != os.getpid():
            raise SpoolError(f"{self.directory}: this FrameWriter is another process's; make one after the fork")
        if self._closing:
            raise SpoolError(f"{self.directory}: this FrameWriter is closed; make a new one")
        taken = not self._failed() and self._queue(frame, annotations, copy)
        self._accepted += taken
        self._dropped += not taken
        self._dropped_before = 0 if taken else self._dropped_before + 1
        return taken

    def _queue(self, frame: Any, annotations: dict[str, Any], copy: bool) -> bool:
        pixels = as_frame(frame, self._accepted, self._shape or None)
        if self._dropped_before:
            annotations["dropped_before"] = self._dropped_before
        line = encode_json(annotations) if annotations else b""
        if self._background is None:
            self._begin(pixels)
        if self._background is not None and self._background.put(pixels, line, copy=copy, wait=self._wait):
            return True
        self._failed()
        return False

    def _begin(self, first: Frame) -> None:
        capacity = self._max_bytes // first.nbytes
        if capacity == 0:
            raise SettingsError(f"max_bytes is {self._max_bytes}, but one frame has {first.nbytes}: give more")
        try:
            self._made_directory = prepare_directory(self.directory, overwrite=self._overwrite)
            write_slurm_process(self.directory / ROLLOUT_NAME)
        except SpoolError as error:
            self._failure = error
            return
        self._shape = first.shape
        self._background = new_background(
            self.directory,
            first,
            processes=self._processes,
            workers=self._workers,
            capacity=capacity,
            min_free=self._min_free,
            ended=self._finish,
        )
        at_exit.watch(self)

    def _failed(self) -> bool:
        """Whether the disk failed; raises that, or warns of it once, as `on_error` says."""
        # The frame that failed comes first: that no manifest could be written either is what follows from it.
        failure = (self._background.row.error if self._background else None) or self._failure
        if failure is None:
            return False
        first, self._reported = not self._reported, True
        if self._on_error == "raise":
            raise failure
        if first:
            self._warn(f"{failure}; recording has stopped")
        return True

    def _warn(self, message: str) -> None:
        warnings.warn(f"{self.directory}: {message}", RuntimeWarning, stacklevel=4)

    def _finish(self) -> None:
        """What comes after the last frame, on the thread that saw it written."""
        try:
            if self._background is not None:
                self._background.row.remove(from_row=False)
            if not self._discarded:
                self._publish()
        except DaddyEncodeError as error:
            self._failure = error
        except Exception as error:
            self._failure = SpoolError(f"cannot finish {self.directory}: {type(error).__name__}: {error}")
        finally:
            at_exit.forget(self)
            self._finished.set()

    def _publish(self) -> None:
        background = self._background
        if background is None:
            if self._failure is not None:
                return
            if self._end is None:
                raise FrameError("there are no frames: give at least one")
            # It ended before the first frame; an old dump that would have been overwritten stays.
            with contextlib.suppress(SpoolError):
                prepare_directory(self.directory, overwrite=False)
                self._write_manifest(0, self._end, self.meta)
            return
        try:
            background.row.annotations.flush()
            failure = background.row.error
            self._write_manifest(background.row.frames, self._end or (str(failure) if failure else None), self.meta)
        except DaddyEncodeError as error:
            # Annotations or manifest could not be written as they are. Whoever encodes this shall know.
            meta = {} if isinstance(error, ManifestError) else self.meta
            with contextlib.suppress(DaddyEncodeError):
                self._write_manifest(background.row.frames, self._end or str(background.row.error or error), meta)
            raise

    def _write_manifest(self, frames: int, error: str | None, meta: dict[str, Any]) -> None:
        height, width = self._shape[:2] if frames else (0, 0)
        text = None if error is None else one_line(error[:_ERROR_LENGTH])
        complete = error is None
        manifest = self._new_manifest(
            frames=frames, width=width, height=height, complete=complete, error=text, meta=meta
        )
        write_manifest(self.directory, manifest)
