"""One job from its directory to verified, published video and a receipt."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from daddy_encode.encode.examine import Examined, examine
from daddy_encode.encode.ffmpeg.executable import find_program
from daddy_encode.encode.ffmpeg.process import Watch
from daddy_encode.encode.frames.job_directory import MAX_PIXELS, BadFrame, JobFolder
from daddy_encode.encode.frames.owners import Owners
from daddy_encode.encode.frames.source import DirectorySource, survey
from daddy_encode.encode.gif.encode import first_pass
from daddy_encode.encode.output import make_output
from daddy_encode.encode.png.decode import parse_colour
from daddy_encode.encode.settings import Settings
from daddy_encode.errors import DaddyEncodeError, FrameError, TransientError, one_line
from daddy_encode.spool.manifest import read_manifest
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish, publish_bytes, temp_file
from daddy_encode.spool.receipt import OutputRecord, Receipt, Source
from daddy_encode.spool.records import encode_record, read_record

Progress = Callable[[float], None]
"""Called with a share of a job's frames (they add up to the number of its frames) as they go to ffmpeg."""


@dataclass(frozen=True)
class Context:
    """What all jobs of one run share, and what is known of this one.

    force: encode what is done already, too; slurm: the encoder's own Slurm job, for the receipt; need_manifest: a
    job without one is not encoded; settled: it has none, and was left alone for the settle time; owners: whose jobs
    are taken beside this user's own; max_pixels: of a frame, at most; tmp_dir: where temporary files go, None for
    beside their targets; encoded: called when the job's outputs are made and verified, and only wait for the disk.
    """

    settings: Settings
    watch: Watch
    force: bool = False
    slurm: Mapping[str, str] = field(default_factory=dict)
    need_manifest: bool = False
    settled: bool = False
    owners: Owners = field(default_factory=Owners)
    max_pixels: int = MAX_PIXELS
    tmp_dir: Path | None = None
    encoded: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Result:
    """What became of a job: `made` are the outputs saved now, none where all were there already."""

    paths: JobPaths
    made: list[OutputRecord]
    receipt: Receipt


def encode_job(paths: JobPaths, context: Context, progress: Progress = lambda share: None) -> Result:
    """Encode the job at `paths`, unless a receipt says that it is done, for this source and these settings.

    Raises ManifestError or FrameError for what is wrong with the source, Skipped where it is another user's,
    EncodeError where ffmpeg fails, SpoolError where an output cannot be written, Interrupted when told to stop. No
    output has appeared or changed then.
    """
    paths.check_names()
    with JobFolder(paths.directory, context.owners, context.max_pixels) as folder:
        job = examine(paths, folder, context.settings, force=context.force)
        if context.need_manifest and job.manifest is None:
            raise TransientError(f"{paths.directory}: its manifest has gone: it is being written again; wait for it")
        if not job.todo and job.receipt is not None:
            return Result(paths, [], job.receipt)
        work = _Work(paths, context, folder, job, _Shares(len(job.row), progress))
        bad: dict[str, str] = {}
        try:
            source, made = work.publish_all(bad)
        except BadFrame as error:
            if job.gaps == "error" and error.may_pass:
                raise TransientError(str(error)) from error
            # Which others are? Only a job that has one is read twice for it.
            if job.gaps == "error" or not (bad := survey(folder, job.row.names, job.promised_size)):
                raise
            source, made = work.publish_all(bad)
        receipt = work.receipt(source, bad, made)
        publish_bytes(encode_record(receipt), paths.receipt, paths.base.name)
    return Result(paths, made, receipt)


def done_already(paths: JobPaths, context: Context) -> Result | None:
    """The result of a job of which nothing is left to do, else None; writes nothing. Raises as `encode_job`."""
    with JobFolder(paths.directory, context.owners, context.max_pixels) as folder:
        job = examine(paths, folder, context.settings, force=context.force)
    return Result(paths, [], job.receipt) if not job.todo and job.receipt is not None else None


def check_owners(paths: JobPaths, context: Context) -> None:
    """Raise Skipped where the job's directory or manifest is of a user who is not trusted. Raises as `encode_job`."""
    with JobFolder(paths.directory, context.owners) as folder:
        folder.manifest()


@dataclass(frozen=True)
class _Work:
    """One job being encoded."""

    paths: JobPaths
    context: Context
    folder: JobFolder
    job: Examined
    shares: _Shares

    def publish_all(self, bad: Mapping[str, str]) -> tuple[DirectorySource, list[OutputRecord]]:
        """Encode, verify and publish every output, without the files in `bad`."""
        background = parse_colour(self.context.settings.background)
        source = DirectorySource(self.folder, self.job.shown(bad), self.job.promised_size, background)
        with contextlib.ExitStack() as temps:
            files = self._make_all(source, temps)
            self.context.encoded()
            if not self.folder.in_place():
                raise FrameError(f"{self.folder.path}: was renamed or replaced while it was encoded; run again")
            for temp, record in files:
                publish(temp, self.paths.output(record.format), self.paths.base.name)
        return source, [record for _, record in files]

    def _make_all(self, source: DirectorySource, temps: contextlib.ExitStack) -> list[tuple[Path, OutputRecord]]:
        """Encode and verify every output into temporary files that `temps` removes."""
        made = []
        digests = set()
        both = len(self.job.wanted) > 1
        folder = self.context.tmp_dir or self.paths.base.parent
        files = {kind: temps.enter_context(temp_file(folder, self.paths.base.name)) for kind in self.job.todo}
        # One pass serves the MP4 and, with it, the GIF's colours; a GIF in a palette takes one more.
        first = temps.enter_context(first_pass(source, self.job.todo.get("gif"), folder))
        source.on_frame = self.shares.of(2 if first is not None and first.exact is None else 1)
        shared, watch = 0.0, self.context.watch
        for kind, settings in self.job.todo.items():
            final, temp = self.paths.output(kind), files[kind]
            record = make_output(source, settings, temp, final, watch, both=both, first=first, shared_seconds=shared)
            made.append((temp, record))
            if first is not None and first.made:
                shared = record.encode_seconds
            digests.add(source.sha256)
        if len(digests) > 1:
            raise FrameError(f"{self.folder.path}: frames changed while they were encoded; wait for the rollout to end")
        return made

    def receipt(self, source: DirectorySource, bad: Mapping[str, str], made: Sequence[OutputRecord]) -> Receipt:
        """The record of the job, with what an earlier encode left."""
        job = self.job
        kept = job.receipt.outputs if job.receipt else []
        records = {record.format: record for record in (*kept, *made)}
        return _receipt(
            self.paths,
            self.context,
            Source(
                frames=len(job.row),
                width=source.width,
                height=source.height,
                sha256=source.sha256,
                listing_sha256=job.listing_sha256,
                manifest_sha256=job.manifest_sha256,
                directory_mtime_ns=job.directory_mtime_ns,
            ),
            outputs=[records[kind] for kind in sorted(records, reverse=True)],
            partial=job.manifest is not None and not job.manifest.complete,
            settled=self.context.settled and job.manifest is None,
            salvaged=job.salvaged,
            gaps=job.filled(bad),
            lost=job.lost(bad),
        )


class _Shares:
    """A job's progress: each frame's share in each pass; never more than the frames, where a pass begins again."""

    def __init__(self, frames: int, progress: Progress) -> None:
        self._left = float(frames)
        self._progress = progress

    def of(self, passes: int) -> Callable[[], None]:
        """What a source calls for each frame it reads, in one of `passes`."""

        def frame() -> None:
            share = min(self._left, 1 / passes)
            self._left -= share
            self._progress(share)

        return frame


def confirm(result: Result, mtime_ns: int | None) -> Result:
    """Write into the receipt of a job that was found done that it is so for its directory's time `mtime_ns`, too.

    Else everybody would look at its frames again, each time. Never raises: a receipt that cannot be written is no harm.
    """
    source = result.receipt.source
    if mtime_ns is None or mtime_ns == source.directory_mtime_ns:
        return result
    receipt = msgspec.structs.replace(
        result.receipt, source=msgspec.structs.replace(source, directory_mtime_ns=mtime_ns)
    )
    with contextlib.suppress(DaddyEncodeError, OSError):
        publish_bytes(encode_record(receipt), result.paths.receipt, result.paths.base.name)
    return Result(result.paths, result.made, receipt)


def record_failure(paths: JobPaths, error: DaddyEncodeError, context: Context, mtime_ns: int | None) -> None:
    """Leave a receipt that says why the job failed when its directory had the time `mtime_ns`.

    It keeps what is said of earlier videos, which are still there. Never raises for what is wrong with the job: where
    no receipt can be written, the log has said why.
    """
    if mtime_ns is None:
        return
    with contextlib.suppress(DaddyEncodeError, OSError):
        manifest_sha256, outputs = None, []
        with contextlib.suppress(DaddyEncodeError):
            if (found := read_manifest(paths.directory)) is not None:
                manifest_sha256 = found[1]
        with contextlib.suppress(DaddyEncodeError):
            if (earlier := read_record(paths.receipt, Receipt)) is not None:
                outputs = [record for record in earlier[0].outputs if paths.output(record.format).exists()]
        source = Source(
            frames=0,
            width=0,
            height=0,
            sha256="",
            listing_sha256="",
            manifest_sha256=manifest_sha256,
            directory_mtime_ns=mtime_ns,
        )
        receipt = _receipt(paths, context, source, error=str(error), outputs=outputs)
        publish_bytes(encode_record(receipt), paths.receipt, paths.base.name)


def _receipt(paths: JobPaths, context: Context, source: Source, **more: Any) -> Receipt:
    program = find_program()
    return Receipt(
        job=one_line(paths.directory.name),
        source=source,
        ffmpeg=program.version,
        ffmpeg_build=program.build,
        host=socket.gethostname(),
        slurm=dict(context.slurm),
        finished=round(time.time(), 3),
        **more,
    )
