"""FrameWriter: a rollout hands over frames and goes on; others compress and write them."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

import msgspec

from daddy_encode.dump import exit_hook
from daddy_encode.dump.user_warning import warn_user
from daddy_encode.dump.worker import process
from daddy_encode.dump.worker.client import Client
from daddy_encode.dump.worker.protocol import Layout, Recording
from daddy_encode.errors import DaddyEncodeError, FrameError, ManifestError, SettingsError, SpoolError
from daddy_encode.spool.manifest import Video, write_manifest_anyway
from daddy_encode.spool.paths import absolute, user_path
from daddy_encode.spool.png.frame_arrays import as_frame
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.rate import fps_in_json
from daddy_encode.spool.recording.arguments import check_arguments
from daddy_encode.spool.recording.calls import Calls
from daddy_encode.spool.recording.directory import prepare_directory, refuse_old_dump, remove_empty
from daddy_encode.spool.recording.frame_store import Container
from daddy_encode.spool.recording.rollout import Rollout, TakenError, this_rollout, withdraw_rollout
from daddy_encode.spool.records import encode_json

# Enough for a second of 720p at 30 fps and more, while a shared file system pauses.
_MAX_BYTES = 128 * 2**20
# One is compressed while the next is copied.
_LEAST_FRAMES = 2


class FrameWriter:
    """Frames into a directory, from a rollout that goes on meanwhile: `000000.png`, …, and last `manifest.json`.

        with FrameWriter("run-17/episode-0003", fps=30, meta={"seed": 3}) as frames:
            frames.write(env.render(), reward=reward)
            frames.meta["return"] = total

    Before the first frame `rollout.json` says fps, video and meta as it is then: all that is known of a recording whose
    processes are all killed. The manifest says `complete: false`, with the error, after a failure and when the `with`
    block is left by an exception; its `frames` are those on disk without a gap. So does the one that the end of the
    interpreter writes for lack of `close`, and the one that the worker process writes when this process is killed.
    In a forked child, `write` raises SpoolError and `close` does nothing. Only one thread at a time may `write`. A
    signal's handler may `close` or `discard` at any time: a call that it interrupts does that at its end.

    Args:
        output_dir: Made at the first frame; `~` is the home directory. One that already holds a recording is refused.
        fps: Frames per second at which the recording plays: a number, a Fraction or "30000/1001". Default 30.
        video: What the encoder should make, "mp4", "gif" or "both"; None (default) leaves it to the encoder.
        meta: JSON values for the manifest.
        overwrite: At the first frame, remove the dump that is there, and nothing else. Default False.
        workers: How many threads compress and write. Default 2. The files do not depend on it.
        processes: True (default): they are in a worker process, which all writers of this process share and which stays
            for the next one; it takes about 0.2 s to start. False, and where none can be: in this process.
        max_bytes: Pixels held in memory, in bytes, taken but not yet on disk. None (default) is 128 MiB, or two frames
            where these are larger. Beside it each worker thread needs about three frames while it compresses.
        when_full: "block" (default) makes `write` wait for room; "drop" lets it drop the frame and return False. What
            was dropped is reported: `dropped_before` in the annotations of the next frame, `dropped_frames` in the
            manifest's meta, and a RuntimeWarning at `close`.
        min_free: Bytes to leave free on the file system; None (default) is 1 % of it, at most 1 GiB, and 0 is no limit.
            Unless it is 0, 1 % of the inodes (at most 10 000) stay free too.
        sizes_vary: True takes frames of any size, as of a window that is resized. The manifest's `width` and `height`
            are then the largest, and it says `sizes_vary`; the encoder wants `--fit`. Default False: a frame that is
            not of the first one's shape is refused.
        container: "png" (default): a file for each frame; "tar": all go into one `frames.tar`, where it costs much to
            make a file, or few may be made.
        on_error: What happens when the disk fails, or runs below `min_free`. "raise" (default): the next `write`, or
            `close`, raises. "stop": it warns (RuntimeWarning) and drops further frames, and the rollout goes on.

    Attributes:
        directory: Where the frames are, absolute.
        container: As given.
        meta: A copy of the argument, to be changed until `close`.
        frames: How many frames were taken so far.
        dropped: How many were not: no room with when_full="drop", or after a failure with on_error="stop".

    Raises:
        SettingsError: An argument cannot work (a ValueError).
        ManifestError: `meta` is not JSON (a ValueError).
        SpoolError: The directory already holds a dump, or cannot be listed.
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
        max_bytes: int | None = None,
        when_full: Literal["block", "drop"] = "block",
        min_free: int | None = None,
        sizes_vary: bool = False,
        container: Container = "png",
        on_error: Literal["raise", "stop"] = "raise",
    ) -> None:
        check_arguments(video=video, when_full=when_full, on_error=on_error, container=container)
        check_arguments(workers=workers, max_bytes=max_bytes, min_free=min_free)
        # Absolute: the rollout may change its working directory, and others write later.
        self.directory = absolute(user_path(output_dir))
        self.meta: dict[str, Any] = dict(meta or {})
        self._recording = Recording(
            os.fsencode(self.directory), fps_in_json(fps), video, _plain(self.meta), workers, min_free, container
        )
        if not overwrite:
            refuse_old_dump(self.directory)
        self._overwrite, self._processes, self._max_bytes = overwrite, processes, max_bytes
        self._blocks, self._sizes_vary = when_full == "block", sizes_vary
        self._on_error, self.container = on_error, container
        self._client: Client | None = None
        self.frames = self.dropped = self._dropped_before = 0
        self._failure: DaddyEncodeError | None = None
        self._reported = self._ended = False
        self._pid, self._calls = os.getpid(), Calls()
        if processes:
            process.worker(wait=False)

    @property
    def closed(self) -> bool:
        """Whether all is over: frames and manifest are on disk, or have failed. In a forked child it is."""
        if self._pid != os.getpid():
            return True
        if self._ended and not self._calls.asked and self._calls.free():
            return self._client is None or self._calls.run(self._client.has_ended)
        return False

    def write(self, frame: Any, /, **annotations: Any) -> bool:
        """Copy the next frame, to be compressed and written later. The renderer may use its buffer again at once.

        Args:
            frame: uint8, (H, W, 3), (H, W, 4) with straight alpha, (H, W) or (H, W, 1), all of one shape (unless
                `sizes_vary`) and any strides; what numpy can make an array of, or a picture of Pillow's.
            **annotations: JSON values about this frame (step, reward, action, …), numpy's scalars and arrays too. Line
                n of `annotations.jsonl` is the object of frame n, `{}` for a frame without any.

        Returns:
            False where the frame was dropped, as asked.

        Raises:
            FrameError: It is not a frame (a ValueError); the writer can go on.
            ManifestError: An annotation is not JSON (a ValueError); the writer can go on.
            SpoolError: An earlier frame, which it names, could not be written.
        """
        if self._pid != os.getpid():
            raise SpoolError(f"{self.directory}: this FrameWriter is another process's; make one after the fork")
        return self._calls.run(self._write, frame, annotations)

    def close(self, error: BaseException | str | None = None, *, wait: bool = True) -> None:
        """Write what is in flight, then the manifest. A second call does nothing.

        Args:
            error: Why the rollout ended early; the manifest is then `complete: false`.
            wait: False returns at once; another `close` waits, and says what went wrong.

        Raises:
            FrameError: There was no frame and no error.
            SpoolError: A frame or the manifest could not be written.
            ManifestError: `meta` is not JSON. Each of these is raised only once, and with on_error="stop" is a warning.
        """
        if self._pid != os.getpid():
            return
        if not self._ended:
            why = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
            self._calls.ask(functools.partial(self._end, why))
            self._ended = True
        self._calls.obey(wait=wait)
        if wait and self._calls.free(wait=True):
            self._calls.run(self._wait)

    def discard(self) -> None:
        """End without a recording: write nothing more, remove what was written, and the directory if this made it."""
        if self._pid != os.getpid():
            return
        self._calls.ask(self._discard)
        self._ended = True
        self._calls.obey(wait=True)

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # An exception that is on its way says more than what happened because of it.
        with contextlib.suppress(*[] if error is None else [DaddyEncodeError]):
            self.close(error)

    def _discard(self) -> None:
        if self._client is not None:
            self._client.discard()
        exit_hook.unregister(self)

    def _wait(self) -> None:
        if self._client is not None:
            self._client.wait()
        exit_hook.unregister(self)
        if not self._reported and not self._failed() and self.dropped:
            self._reported = True
            self._warn(f"{self.dropped} of {self.dropped + self.frames} frames were dropped: no room")

    def _write(self, frame: Any, annotations: dict[str, Any]) -> bool:
        taken = not self._ended and not self._failed() and self._send(frame, annotations)
        if self._ended and not taken:
            raise SpoolError(f"{self.directory}: this FrameWriter is closed; make a new one")
        self.frames += taken
        self.dropped += not taken
        self._dropped_before = 0 if taken else self._dropped_before + 1
        return taken

    def _send(self, frame: Any, annotations: dict[str, Any]) -> bool:
        pixels = as_frame(frame, self.frames, None if self._sizes_vary else self._recording.layout.shape or None)
        if self._dropped_before:
            annotations["dropped_before"] = self._dropped_before
        line = encode_json(annotations) if annotations else b""
        if self._client is None:
            try:
                self._begin(pixels)
            except SpoolError as error:
                self._failure = error
        if self._client is not None and self._client.write(pixels, line, wait=self._blocks):
            return True
        self._failed()
        return False

    def _begin(self, first: Pixels) -> None:
        slots = max(_MAX_BYTES // first.nbytes, _LEAST_FRAMES)
        if self._max_bytes is not None and not (slots := self._max_bytes // first.nbytes):
            raise SettingsError(f"max_bytes is {self._max_bytes}, but one frame has {first.nbytes}: give more")
        recording = self._recording
        with contextlib.suppress(ManifestError):
            # For a rollout that is killed: what it said until now.
            recording.meta = _plain(self.meta)
        rollout = this_rollout(recording.fps, recording.video, recording.meta)
        try:
            recording.made_directory = self._prepare(rollout, overwrite=self._overwrite)
            recording.layout = Layout.of(first)
            recording.grow(recording.layout)
            self._client = Client(recording, self._calls, processes=self._processes, slots=slots)
            exit_hook.register(self)
        except BaseException as error:
            if self._client is None and not isinstance(error, TakenError):
                withdraw_rollout(self.directory, rollout)
                if recording.made_directory:
                    remove_empty(self.directory)
            raise

    def _prepare(self, rollout: Rollout, *, overwrite: bool) -> bool:
        return prepare_directory(self.directory, rollout, overwrite=overwrite, min_free=self._recording.min_free)

    def _end(self, error: str | None) -> None:
        if self.dropped:
            self.meta["dropped_frames"] = self.dropped
        meta: dict[str, Any] = {}
        try:
            meta = _plain(self.meta)
        except ManifestError as fault:
            # The frames are worth a manifest all the same.
            self._failure = self._failure or fault
            error = error or str(fault)
        if self._client is not None:
            failure = self._client.error
            self._client.finish(error or (None if failure is None else str(failure)), meta)
        elif error is not None:
            # It ended before the first frame; an old dump that would have been overwritten stays.
            with contextlib.suppress(SpoolError):
                self._prepare(this_rollout(self._recording.fps, self._recording.video, meta), overwrite=False)
                write_manifest_anyway(self.directory, self._recording.manifest(0, error, meta))
        elif self._failure is None:
            self._failure = FrameError("there are no frames: give at least one")

    def _failed(self) -> bool:
        """Whether the disk failed; raises that, or warns of it once, as `on_error` says."""
        # The frame that failed comes first: that no manifest could be written either is what follows from it.
        failure = (self._client.error if self._client else None) or self._failure
        if failure is None:
            return False
        first, self._reported = not self._reported, True
        if self._on_error == "raise":
            raise failure
        if first:
            self._warn(f"{failure}; recording has stopped")
        return True

    def _warn(self, message: str) -> None:
        warn_user(f"{self.directory}: {message}")


def _plain(meta: dict[str, Any]) -> dict[str, Any]:
    """`meta` as a reader of its JSON will see it. Raises ManifestError where it is not JSON."""
    plain: dict[str, Any] = msgspec.json.decode(encode_json(meta))
    return plain
