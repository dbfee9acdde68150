"""Which names of a directory are frames, and which of these follow one another.

Names that are equal but for their digits are of one group. The run of digits that differs is the number; where several
differ, one is the number, and the others say which sequence a frame is of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from daddy_encode.errors import FrameError
from daddy_encode.spool.frames.names import frame_name, is_frame_name, is_own_name
from daddy_encode.spool.frames.sequence import FrameSequence, steps_of, timestamps_of
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME

_DIGITS = re.compile(r"([0-9]+)")
_PLAIN = re.compile(r"[0-9]+\.png", re.IGNORECASE)
# The last word of a text, of `trainEpisode_` that is `Episode`.
_LAST_WORD = r"([A-Z]?[a-z]+|[A-Z]+)[^A-Za-z0-9]*\Z"
# What people write before the number of a frame, and before that of what has frames.
_OF_FRAMES = "frames?|steps?|t|time|timestep|tick|img|image|idx|index"
_OF_SEQUENCES = (
    "episode|ep|env|cam|camera|view|eye|agent|robot|player|seed|run|rollout|traj|trajectory|trial|demo|world|worker|rank|"
    "level|task|clip|shot|scene|video|epoch"
)
# Of the sequences in one directory that an error names.
_SHOWN = 4
# A stamp as ROS has it: seconds since the epoch, an underscore, nanoseconds.
_STAMP_DIGITS = (10, 9)
# Fractions of a second that are counted one by one have fewer digits.
_COUNTER_DIGITS = 3


class _Name(NamedTuple):
    """A name, cut into texts and runs of digits, which alternate; its last four characters are not among them."""

    whole: str
    parts: list[str]


class _Field(NamedTuple):
    """The place of the number in names: the first and the last of its runs of digits, two in a decimal."""

    first: int
    last: int

    def cut(self, name: _Name) -> tuple[str, str, str]:
        """What is before it, in it, and after it."""
        begin, end = 2 * self.first + 1, 2 * self.last + 2
        return "".join(name.parts[:begin]), "".join(name.parts[begin:end]), "".join(name.parts[end:])


_Bucket = list[tuple[str, str]]
"""The number, as it is written, and the name of each frame of one sequence."""


def find_sequences(names: Iterable[str], directory: str = "") -> list[FrameSequence]:
    """The sequences of frames of a directory, sorted by their patterns.

    A lone PNG whose digits do not stand at its end, such as `ppo2_curve.png`, is none where there is another. Where a
    manifest or a rollout's record is listed, and frames of this project's own names are, these are the frames, and
    nothing else is.

    Args:
        names: The names in it, in any order.
        directory: Named in errors.

    Raises:
        FrameError: Two spellings of one number leave it open which file is the frame.
    """
    listed = names if isinstance(names, frozenset | set | list) else list(names)
    if own := _own(listed):
        return [_of_own(own)]
    found = [
        _sequence(before, after, bucket, directory, decimal=decimal)
        for texts, group in group_pngs(listed).items()
        for (before, after), bucket, decimal in _buckets(texts, group)
    ]
    sequences = [sequence for sequence in found if len(sequence) > 1 or is_frame_name(sequence.names[0])]
    return sorted(sequences or (found if len(found) == 1 else []), key=lambda sequence: _natural(sequence.pattern))


def find_several(names: Iterable[str]) -> list[FrameSequence]:
    """The sequences of a directory that holds several; else none. Quick where all frames are plain numbers."""
    pngs = [name for name in names if name[-4:].lower() == ".png" and name[0] != "."]
    if all(name[:-4].isdigit() for name in pngs):
        return []
    try:
        sequences = find_sequences(names)
    except FrameError:
        return []
    return sequences if len(sequences) > 1 else []


def frame_sequence(
    names: Iterable[str],
    directory: str,
    pattern: str | None = None,
    promised: int | None = None,
    advice: str = "--split makes a video of each",
) -> FrameSequence:
    """The frames of a directory, or of one sequence in it; an empty one where there are none.

    Args:
        names: The names in it, in any order.
        directory: Named in errors.
        pattern: Of the sequence. Default: the only one.
        promised: How many frames of this project's own names the manifest promises, if there is one. Where these are
            all there, further ones are none.
        advice: What helps where there are several sequences, for the error.

    Raises:
        FrameError: It holds several sequences, or two spellings of one number leave it open which file is the frame.
    """
    names = names if isinstance(names, frozenset | set | list) else list(names)
    own = _own(names)
    if promised is not None and len(own) > promised:
        wanted = {frame_name(index) for index in range(promised)}
        own = [name for name in own if name in wanted] if wanted.issubset(own) else own
    if own and pattern in (None, "*.png"):
        return _of_own(own)
    if pattern is not None and not own and (found := _of_pattern(names, pattern, directory)) is not None:
        return found
    sequences = find_sequences(names, directory)
    if pattern is not None:
        sequences = [sequence for sequence in sequences if sequence.pattern == pattern]
    if len(sequences) > 1:
        raise FrameError(f"{directory}: holds {described(sequences)}; {advice}")
    return sequences[0] if sequences else FrameSequence([], [])


def described(sequences: Sequence[FrameSequence]) -> str:
    """The first few of several sequences, with how many frames each has."""
    parts = [f"{sequence.pattern} ({len(sequence)})" for sequence in sequences[:_SHOWN]]
    if more := len(sequences) - _SHOWN:
        parts += [f"{more} more"] if more > 0 else []
    return f"{len(sequences)} sequences of frames: {', '.join(parts)}"


def count_frames(names: Iterable[str]) -> int:
    """How many of the names of a directory are those of frames, of whatever sequence.

    Quick, and so without a lone one whose digits are not at its end, which may be a frame where there is no other.
    """
    listed = names if isinstance(names, frozenset | set | list) else list(names)
    if own := _own(listed):
        return len(own)
    at_end, inside = 0, []
    for name in listed:
        if name[-4:].lower() == ".png" and name[0] != ".":
            if "0" <= name[-5:-4] <= "9":
                at_end += 1
            else:
                inside.append(name)
    buckets = (bucket for texts, group in group_pngs(inside).items() for _, bucket, _ in _buckets(texts, group))
    return at_end + sum(len(bucket) for bucket in buckets if len(bucket) > 1)


def _own(names: Collection[str]) -> list[str]:
    """The frames of this project's own names, where a record says that the directory is a recording."""
    if MANIFEST_NAME not in names and ROLLOUT_NAME not in names:
        return []
    plain = [name for name in names if "0" <= name[:1] <= "9" and _PLAIN.fullmatch(name)]
    own = [name for name in plain if is_own_name(name)]
    # Another tool's numbers, without leading zeros, may have six digits too.
    return own if len(own) == len(plain) or any(name[0] == "0" for name in own) else []


def _of_own(names: Iterable[str]) -> FrameSequence:
    return steps_of({int(name[:-4]): name for name in names}, consecutive=True)


def _of_pattern(names: Iterable[str], pattern: str, directory: str) -> FrameSequence | None:
    """The sequence of that pattern, by one look at each name; None where there is none, or an asterisk is a name's own.

    A directory may hold thousands of sequences, each of which is asked for: to group all names each time takes hours.
    """
    match = re.fullmatch(r"([^*]*)(\*(?:[._]\*)?)([^*]*)\.png", pattern, re.DOTALL)
    if match is None:
        return None
    before, number, after = match.groups()
    digits = f"({re.escape(number).replace(re.escape('*'), '[0-9]+')})"
    frames = re.compile(f"{re.escape(before)}{digits}{re.escape(after)}\\.(?i:png)")
    bucket = [
        (found[1], name) for name in names if name.startswith(before) and (found := frames.fullmatch(name)) is not None
    ]
    return _sequence(before, after, bucket, directory, decimal=len(number) > 1) if bucket else None


def group_pngs(names: Iterable[str]) -> dict[str, list[str]]:
    """The numbered PNGs among `names`, by what they have in common: their texts, with a NUL for each run of digits."""
    groups: dict[str, list[str]] = {}
    for name in names:
        # One that begins with a dot is nobody's: what macOS leaves beside a file, or what is still being written.
        if name[-4:].lower() == ".png" and name[0] != ".":
            texts = _DIGITS.sub("\0", name[:-4])
            if "\0" in texts:
                groups.setdefault(texts, []).append(name)
    return groups


def _buckets(common: str, names: Sequence[str]) -> list[tuple[tuple[str, str], _Bucket, bool]]:
    """The sequences of one group: what is before and after the number, the frames, whether the numbers are decimals."""
    texts = common.split("\0")
    if len(texts) == 2:
        before, after = texts
        begin, end = len(before), -len(after) - 4
        return [((before, after), [(name[begin:end], name) for name in names], False)]
    group = [_Name(name, _DIGITS.split(name[:-4])) for name in names]
    # Of each run of digits, what it is in all names.
    columns = list(zip(*(name.parts[1::2] for name in group), strict=True))
    differs = [len(set(column)) > 1 for column in columns]
    if not any(differs):
        differs = [True] * len(columns)
    widths = [min(map(len, column)) for column in columns]
    stamps = [
        run
        for run in range(len(columns) - 1)
        if texts[run + 1] == "_"
        and differs[run + 1]
        and all(tuple(map(len, pair)) == _STAMP_DIGITS for pair in zip(columns[run], columns[run + 1], strict=True))
    ]
    if len(stamps) == 1:
        sequences = _cut(group, _Field(stamps[0], stamps[0] + 1))
        return [(key, bucket, True) for key, bucket in sequences.items()]
    fields = {_field(texts, differs, run) for run in range(len(columns)) if differs[run]}
    field = max(fields, key=lambda field: _rank(field, texts, widths))
    sequences = _cut(group, field)
    if field.first < field.last and any(map(_is_counter, sequences.values())):
        field = _Field(field.last, field.last)
        sequences = _cut(group, field)
    return [(key, bucket, field.first < field.last) for key, bucket in sequences.items()]


def _field(texts: Sequence[str], differs: Sequence[bool], run: int) -> _Field:
    """The number that a run of digits belongs to: itself, or a decimal, of two runs and a point, no more."""
    for whole in (run, run - 1):
        inner = texts[max(whole, 1) : whole + 3 if whole + 2 < len(differs) else whole + 2]
        if 0 <= whole < len(differs) - 1 and texts[whole + 1] == "." and inner.count(".") == 1 and differs[whole + 1]:
            return _Field(whole, whole + 1)
    return _Field(run, run)


def _rank(field: _Field, texts: Sequence[str], widths: Sequence[int]) -> tuple[int, int, int]:
    """How likely the runs of digits at `field` are the number: what is written before it, its digits, its place."""
    match = re.search(_LAST_WORD, texts[field.first])
    word = match[1].lower() if match else ""
    kind = 2 if re.fullmatch(_OF_FRAMES, word) else 0 if re.fullmatch(_OF_SEQUENCES, word) else 1
    return kind, sum(widths[field.first : field.last + 1]), field.first


def _cut(group: Sequence[_Name], field: _Field) -> dict[tuple[str, str], _Bucket]:
    sequences: dict[tuple[str, str], _Bucket] = {}
    for name in group:
        before, number, after = field.cut(name)
        sequences.setdefault((before, after), []).append((number, name.whole))
    return sequences


def _is_counter(bucket: _Bucket) -> bool:
    """Whether what looks like decimals is a part and a number: `shot1.0001`, `shot1.0002`, or `1.9`, `1.10`."""
    stamps = [number.split(".") for number, _ in bucket]
    if len({(int(whole), fraction.rstrip("0")) for whole, fraction in stamps}) < len(stamps):
        return True
    counted = sorted((int(whole), int(fraction)) for whole, fraction in stamps)
    follow = [first[1] + 1 == second[1] for first, second in pairwise(counted) if first[0] == second[0]]
    if len({len(fraction) for _, fraction in stamps}) == 1:
        return any(follow) and len(stamps[0][1]) >= _COUNTER_DIGITS
    return bool(follow) and all(follow) and all(fraction == str(int(fraction)) for _, fraction in stamps)


def _sequence(before: str, after: str, bucket: _Bucket, directory: str, *, decimal: bool) -> FrameSequence:
    if decimal:
        point = "_" if "_" in bucket[0][0] else "."
        stamps = ((number.split(point), name) for number, name in bucket)
        ordered = (((int(whole), fraction), name) for (whole, fraction), name in stamps)
        return timestamps_of(ordered, before, after, point)
    names: dict[int, str] = {}
    for digits, name in bucket:
        twin = names.setdefault(int(digits), name)
        if twin != name:
            first, second = sorted((twin, name))
            raise FrameError(f"{directory}: {first} and {second} have the same number; remove one")
    return steps_of(names, before, after)


def _natural(text: str) -> list[str | int]:
    """A key to sort by, numbers as numbers."""
    return [int(part) if at % 2 else part for at, part in enumerate(_DIGITS.split(text))]
