"""What the page knows of one job, from its receipt and what is beside that. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from daddy_encode.errors import SettingsError, one_line
from daddy_encode.report.gallery.meta import RolloutFacts, flatten, means_of, shortened
from daddy_encode.report.log import counted
from daddy_encode.report.marks import SOURCE_DIGITS
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.rate import parse_fps
from daddy_encode.spool.receipt import OutputRecord, Receipt

LONGEST_ERROR = 2000
MOST_WARNINGS = 10


class Video(Struct, frozen=True):
    """One video that a receipt names.

    Attributes:
        record: What the receipt says of it.
        url: Its relative URL.
        is_there: Whether there is a file of its name.
        is_recorded: Whether that may be the one of the record, by its size.
        is_link: Whether that name is a link instead, which is not followed.
    """

    record: OutputRecord
    url: str
    is_there: bool
    is_recorded: bool
    is_link: bool = False


class Surroundings(Struct, frozen=True):
    """What is known of a job besides its receipt.

    Attributes:
        is_packed: Whether its frames are in one file, as `pack` leaves them.
        directory: That of its frames.
        outputs: The directory of its videos.
        has_directory: Whether that is there, as far as it should be.
        rollout: What the rollout said of itself.
    """

    is_packed: bool = False
    directory: str = ""
    outputs: str = ""
    has_directory: bool = True
    rollout: RolloutFacts = RolloutFacts({}, None)


def job_data(
    receipt: Receipt, identifier: str, name: str, videos: Mapping[Kind, Video], around: Surroundings
) -> dict[str, Any]:
    """One job as the page's data has it: docs/gallery.md names the fields. What is empty is left out.

    Args:
        receipt: The job's.
        identifier: Of the job, in this gallery: 12 hexadecimal digits.
        name: Its path, relative to the gallery's root, as printable text.
        videos: Those that the receipt names, by their kind.
        around: What else is known.
    """
    earlier: Mapping[Kind, Video] = {}
    if receipt.is_of_earlier_videos:
        # They show another recording than the one that the values are of.
        videos, earlier = {}, videos
    there = {kind: video for kind, video in videos.items() if video.is_there}
    best = (there or videos).get("mp4") or (there or videos).get("gif")
    meta, left_out = flatten(around.rollout.meta)
    error = _without_paths(_error(receipt), around)
    data: dict[str, Any] = {
        "id": identifier,
        "job": name,
        "source": receipt.source.recording[:SOURCE_DIGITS],
        "state": _state(receipt, videos, there),
        **{kind: video.url for kind, video in there.items()},
    }
    if best is not None:
        record = best.record
        data |= {
            "frames": record.frames,
            "fps": _fps(record.fps),
            "width": record.width,
            "height": record.height,
            "bytes": sum(video.record.bytes for video in there.values()),
            "encode_seconds": round(max(video.record.encode_seconds for video in videos.values()), 3),
        }
    data |= {
        "finished": receipt.finished,
        "host": shortened(receipt.host),
        "chips": [[kind, shortened(text)] for kind, text in _chips(receipt, videos, earlier, around)],
        "error": shortened(error, LONGEST_ERROR) if error else None,
        "rollout_error": shortened(around.rollout.error) if around.rollout.error else None,
        "earlier": {kind: video.url for kind, video in earlier.items() if video.is_there},
        "meta": meta,
        "meta_left_out": left_out or None,
        "means": {one_line(key): list(mean) for key, mean in means_of(around.rollout.meta).items()},
    }
    return {key: value for key, value in data.items() if value not in (None, "", [], {})}


def _error(receipt: Receipt) -> str | None:
    if receipt.error is None and receipt.failures and (not receipt.outputs or receipt.is_of_earlier_videos):
        return f"{receipt.failures[-1].error} (it is tried again by the next encoder that comes)"
    return receipt.error


def _without_paths(error: str | None, around: Surroundings) -> str | None:
    """An error without where the spool is: nobody's business who gets a copy. The card says which job it is."""
    if not error:
        return error
    directory = around.directory
    error = error.removeprefix(f"{one_line(directory)}: ") if directory else error
    for place in (directory, os.path.dirname(directory), around.outputs):
        if place.strip("/"):
            error = error.replace(f"{one_line(place)}/", "")
    return error


def _state(receipt: Receipt, videos: Mapping[Kind, Video], there: Mapping[Kind, Video]) -> str:
    if there:
        return "partial" if receipt.error is not None else "done"
    return "missing" if videos and receipt.error is None else "failed"


def _fps(rate: int | float | str) -> list[int] | None:
    try:
        exact = parse_fps(rate)
    except SettingsError:
        return None
    return [exact.numerator, exact.denominator]


def _chips(
    receipt: Receipt, videos: Mapping[Kind, Video], earlier: Mapping[Kind, Video], around: Surroundings
) -> Iterator[tuple[str, str]]:
    """Yield what a viewer should know: its kind, and a text."""
    why = around.rollout.error
    if receipt.salvaged:
        yield "salvaged", f"the rollout died{f' ({why})' if why else ''}; what was whole of it was encoded"
    elif receipt.partial or why:
        yield "ended early", why or "the rollout ended early, as its manifest says"
    if any(video.is_there for video in earlier.values()):
        yield "earlier video", "the video that is there is of an earlier recording, not of this one"
    lost = receipt.lost
    gaps = {"missing": lost.missing_count, "bad": lost.bad_count}
    if any(gaps.values()):
        counts = ", ".join(f"{count} {word}" for word, count in gaps.items() if count)
        one = sum(gaps.values()) == 1
        if receipt.gaps == "skip":
            yield "skipped", f"{counts} {'frame is' if one else 'frames are'} left out"
        else:
            yield "held", f"{counts} {'frame: the one before it' if one else 'frames: the one before each'} is repeated"
    if lost.dropped_count:
        one = lost.dropped_count == 1
        verb, before = ("was", "it") if one else ("were", "each")
        dropped = counted(lost.dropped_count, "frame")
        yield "dropped", f"{dropped} {verb} dropped by the rollout; the one before {before} is repeated"
    if receipt.source.numbering == "irregular":
        yield (
            ("skipped", "numbers at irregular distances, closed up")
            if receipt.gaps == "skip"
            else ("held", "numbers at irregular distances, each held until the next")
        )
    if receipt.settled:
        yield "settled", "there was no manifest; it was encoded once nothing changed any more"
    for kind, video in videos.items():
        if video.is_link:
            yield "replaced", f"the {kind.upper()} is a link to another file, which is not followed"
        elif not video.is_there:
            yield "missing", f"the {kind.upper()} is gone"
        elif not video.is_recorded:
            yield "replaced", f"the {kind.upper()} is not the file that was encoded, by its size"
    if around.is_packed:
        yield "packed", "its frames are packed in one file"
    elif receipt.frames == "deleted":
        yield "frames deleted", "its frames were deleted once its videos were proved"
    elif not around.has_directory:
        yield "frames deleted", "the directory of its frames is gone"
    warnings = dict.fromkeys(warning for video in videos.values() for warning in video.record.warnings)
    for number, warning in enumerate(warnings):
        if number == MOST_WARNINGS:
            yield "warning", f"and {counted(len(warnings) - number, 'more warning')}, in its receipt"
            return
        yield "warning", warning
