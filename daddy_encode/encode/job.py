"""One job from its directory to verified, published video and a receipt."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from daddy_encode.encode.folder import MAX_PIXELS, BadFrame, JobFolder
from daddy_encode.encode.normalise import parse_colour
from daddy_encode.encode.outputs import Plan, make_output
from daddy_encode.encode.owners import Owners
from daddy_encode.encode.process import Watch
from daddy_encode.encode.program import find_program
from daddy_encode.encode.settings import Settings, plan
from daddy_encode.encode.source import DirectorySource, survey
from daddy_encode.encode.stock import Stock, old_receipt, take_stock
from daddy_encode.errors import FrameError, one_line
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.publish import publish, publish_bytes, temp_file
from daddy_encode.spool.receipt import OutputRecord, Receipt, Source
from daddy_encode.spool.records import encode_record

Progress = Callable[[float], None]
"""Called with a share of a job's frames (they add up to the number of its frames) as they go to ffmpeg."""


@dataclass(frozen=True)
class Context:
    """What all jobs of one run share.

    `slurm`: the encoder's own Slurm job, for the receipt; `owners`: whose jobs are taken beside this user's own;
    `max_pixels`: of a frame, at most.
    """

    settings: Settings
    watch: Watch
    force: bool = False
    slurm: Mapping[str, str] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)
    max_pixels: int = MAX_PIXELS


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
        stock = take_stock(folder, context.settings)
        wanted = plan(context.settings, stock.manifest)
        old = old_receipt(paths, stock, context.owners)
        kept = {} if old is None else {record.format: record for record in old.outputs}
        todo: Plan = {
            kind: settings
            for kind, settings in wanted.items()
            if context.force or kind not in kept or kept[kind].settings != msgspec.to_builtins(settings)
        }
        if not todo and old is not None:
            return Result(paths, [], old)
        work = _Work(paths, context, folder, stock, todo, len(wanted) > 1, _Shares(len(stock.row), progress))
        bad: dict[str, str] = {}
        try:
            source, made = work.publish_all(bad)
        except BadFrame:
            # Which others are? Only a job that has one is read twice for it.
            if stock.gaps == "error" or not (bad := survey(folder, stock.row.names, stock.promised_size)):
                raise
            source, made = work.publish_all(bad)
        receipt = _receipt(work, source, bad, {**kept, **{record.format: record for record in made}})
        publish_bytes(encode_record(receipt), paths.receipt)
    return Result(paths, made, receipt)


@dataclass(frozen=True)
class _Work:
    """One job being encoded: `todo` is what is to be made, `both` whether both kinds were asked for."""

    paths: JobPaths
    context: Context
    folder: JobFolder
    stock: Stock
    todo: Plan
    both: bool
    shares: _Shares

    def publish_all(self, bad: Mapping[str, str]) -> tuple[DirectorySource, list[OutputRecord]]:
        """Encode, verify and publish every output, without the files in `bad`."""
        names, _ = self.stock.shown(bad, self.folder.path)
        background = parse_colour(self.context.settings.background)
        source = DirectorySource(self.folder, names, self.stock.promised_size, background)
        source.on_frame = self.shares.of(sum(1 if kind == "mp4" else 2 for kind in self.todo))
        made = []
        digests = set()
        with contextlib.ExitStack() as temps:
            for kind, settings in self.todo.items():
                final = self.paths.output(kind)
                temp = temps.enter_context(temp_file(final.parent))
                made.append((temp, make_output(source, settings, temp, final, self.context.watch, both=self.both)))
                digests.add(source.sha256)
            if len(digests) > 1:
                raise FrameError(
                    f"{self.folder.path}: frames changed while they were encoded; wait for the rollout to end"
                )
            for temp, record in made:
                publish(temp, self.paths.output(record.format))
        return source, [record for _, record in made]


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


def _receipt(
    work: _Work, source: DirectorySource, bad: Mapping[str, str], outputs: Mapping[Kind, OutputRecord]
) -> Receipt:
    stock = work.stock
    program = find_program()
    _, gaps = stock.shown(bad, work.folder.path)
    return Receipt(
        job=one_line(work.folder.path.name),
        source=Source(
            frames=len(stock.row),
            width=source.width,
            height=source.height,
            sha256=source.sha256,
            listing_sha256=stock.listing_sha256,
            manifest_sha256=stock.manifest_sha256,
        ),
        outputs=[outputs[kind] for kind in sorted(outputs, reverse=True)],
        ffmpeg=program.version,
        ffmpeg_build=program.build,
        host=socket.gethostname(),
        slurm=dict(work.context.slurm),
        partial=stock.manifest is not None and not stock.manifest.complete,
        salvaged=stock.salvaged,
        gaps=gaps,
        lost=stock.lost(bad),
        finished=round(time.time(), 3),
    )
