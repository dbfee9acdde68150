"""One job from its directory to verified, published video and a receipt."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from daddy_encode.encode.outputs import Plan, make_output
from daddy_encode.encode.process import Watch
from daddy_encode.encode.program import find_program
from daddy_encode.encode.settings import Settings, plan
from daddy_encode.encode.source import DirectorySource, MixedKinds
from daddy_encode.errors import FrameError, ManifestError, one_line
from daddy_encode.spool.frames import FrameRow, frame_row
from daddy_encode.spool.manifest import MANIFEST_NAME, Manifest, read_manifest
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish, publish_bytes, temp_file
from daddy_encode.spool.receipt import OutputRecord, Receipt, Source
from daddy_encode.spool.records import encode_record, read_record

Progress = Callable[[float], None]
"""Called with a share of a job's frames (they add up to the number of its frames) as they go to ffmpeg."""


@dataclass(frozen=True)
class Context:
    """What all jobs of one run share. `slurm`: the encoder's own Slurm job, for the receipt; `tmp_dir`: where
    temporary files go, None for beside their targets."""

    settings: Settings
    watch: Watch
    force: bool = False
    slurm: Mapping[str, str] = field(default_factory=dict)
    tmp_dir: Path | None = None


@dataclass(frozen=True)
class Result:
    """What became of a job: `made` are the outputs saved now, none where all were there already."""

    paths: JobPaths
    made: list[OutputRecord]
    receipt: Receipt


def encode_job(paths: JobPaths, context: Context, progress: Progress = lambda share: None) -> Result:
    """Encode the job at `paths`, unless a receipt says that it is done, for this source and these settings.

    Raises ManifestError or FrameError for what is wrong with the source, EncodeError where ffmpeg fails,
    SpoolError where an output cannot be written, Interrupted when told to stop. No output has appeared or changed
    then.
    """
    found = read_manifest(paths.directory)
    manifest, manifest_digest = found if found else (None, None)
    row = _listed(paths.directory, manifest)
    listing = _listing_sha256(paths.directory, row)
    wanted = plan(context.settings, manifest)
    old = _old_receipt(paths, listing, manifest_digest)
    kept = {} if old is None else {record.format: record for record in old.outputs}
    todo: Plan = {
        kind: settings
        for kind, settings in wanted.items()
        if context.force or kind not in kept or kept[kind].settings != msgspec.to_builtins(settings)
    }
    if not todo and old is not None:
        return Result(paths, [], old)
    promised = (manifest.width, manifest.height) if manifest else None
    with DirectorySource(paths.directory, row, promised) as source, contextlib.ExitStack() as temps:
        passes = sum(1 if kind == "mp4" else 2 for kind in todo)
        source.on_frame = lambda: progress(1 / passes)
        try:
            files = _make_all(paths, source, todo, len(wanted) > 1, context, temps)
        except MixedKinds:
            source.raw = True
            files = _make_all(paths, source, todo, len(wanted) > 1, context, temps)
        for temp, record in files:
            publish(temp, paths.output(record.format))
        made = [record for _, record in files]
        records = {**kept, **{record.format: record for record in made}}
        program = find_program()
        receipt = Receipt(
            job=one_line(paths.directory.name),
            source=Source(
                frames=len(row),
                width=source.width,
                height=source.height,
                sha256=source.sha256,
                listing_sha256=listing,
                manifest_sha256=manifest_digest,
            ),
            outputs=[records[kind] for kind in sorted(records, reverse=True)],
            ffmpeg=program.version,
            ffmpeg_build=program.build,
            host=socket.gethostname(),
            slurm=dict(context.slurm),
            partial=manifest is not None and not manifest.complete,
            finished=round(time.time(), 3),
        )
        publish_bytes(encode_record(receipt), paths.receipt)
    return Result(paths, made, receipt)


def _make_all(
    paths: JobPaths,
    source: DirectorySource,
    todo: Plan,
    both: bool,
    context: Context,
    temps: contextlib.ExitStack,
) -> list[tuple[Path, OutputRecord]]:
    """Encode and verify every output of `todo` into temporary files that `temps` removes."""
    made = []
    digests = set()
    for kind, settings in todo.items():
        final = paths.output(kind)
        temp = temps.enter_context(temp_file(context.tmp_dir or final.parent))
        made.append((temp, make_output(source, settings, temp, final, context.watch, both=both)))
        digests.add(source.sha256)
    if len(digests) > 1:
        raise FrameError(f"{paths.directory}: frames changed while they were encoded; wait for the rollout to end")
    return made


def _listed(directory: Path, manifest: Manifest | None) -> FrameRow:
    """The frames of a job, all there; raises FrameError or ManifestError where some are not."""
    try:
        row = frame_row(os.listdir(directory), str(directory))
    except OSError as error:
        raise FrameError(f"{directory}: cannot be listed: {error.strerror}") from error
    if not row:
        raise FrameError(f"{directory}: holds no numbered PNG such as 000000.png")
    gaps = row.missing_count()
    if gaps:
        names = ", ".join(row.missing(3))
        raise FrameError(
            f"{directory}: {names}{' …' if gaps > 3 else ''} missing, {gaps} of {len(row) + gaps} frames; "
            "run the rollout again"
        )
    if manifest is not None and manifest.frames != len(row):
        raise ManifestError(
            f"{directory / MANIFEST_NAME}: promises {manifest.frames} frames, but there are {len(row)} "
            f"({row.names[0]} to {row.names[-1]}); wait for the file system, or run the rollout again"
        )
    return row


def _listing_sha256(directory: Path, row: FrameRow) -> str:
    """A digest of the frames' names, sizes and modification times."""
    digest = hashlib.sha256()
    for name in row.names:
        try:
            status = os.stat(directory / name, follow_symlinks=False)
        except OSError as error:
            raise FrameError(f"{directory / name}: cannot be looked at: {error.strerror}; run again") from error
        digest.update(f"{name!r} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _old_receipt(paths: JobPaths, listing: str, manifest_digest: str | None) -> Receipt | None:
    """The job's receipt, if it is for this very source, without the outputs that are no longer there."""
    try:
        found = read_record(paths.receipt, Receipt)
    except ManifestError:
        # A receipt that cannot be read proves nothing; the job is encoded and it is written anew.
        return None
    if found is None or found[0].source.listing_sha256 != listing or found[0].source.manifest_sha256 != manifest_digest:
        return None
    there = [record for record in found[0].outputs if _size(paths.output(record.format)) == record.bytes]
    return msgspec.structs.replace(found[0], outputs=there)


def _size(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(path, follow_symlinks=False).st_size
    return None
