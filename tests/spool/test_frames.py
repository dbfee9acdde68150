"""Frame names: which files are frames, in which order, at which distance, of which sequence; other tools' spelling."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daddy_encode.errors import FrameError
from daddy_encode.spool.frames import count_frames, find_sequences, frame_name, frame_sequence, is_frame_name

# Digits that differ are numbers, and nothing that begins with a dot is a frame.
TEXTS = st.text(st.characters(exclude_characters="/\0.0123456789", exclude_categories=["Cs"]), max_size=12)


@given(TEXTS, TEXTS, st.sets(st.integers(0, 10**18 - 1), min_size=2, max_size=40), st.integers(1, 9), st.randoms())
def test_frames_come_in_the_order_of_their_numbers_wherever_these_stand(
    before: str, after: str, numbers: set[int], digits: int, shuffler: random.Random
) -> None:
    ordered = [f"{before}{number:0{digits}d}{after}.png" for number in sorted(numbers)]
    names = [*ordered, "manifest.json", "poster.jpg", "notes.png.txt", ".DS_Store", *[f"._{name}" for name in ordered]]
    shuffler.shuffle(names)
    frames = frame_sequence(names, "job")
    assert list(frames.names) == ordered
    assert frames.pattern == f"{before}*{after}.png"
    assert [frames.origin + instant * frames.stride for instant in frames.numbers] == sorted(numbers)
    assert count_frames(names) == len(ordered)


@given(st.integers(0, 10**30), st.integers(1, 10**18), st.sets(st.integers(0, 50), min_size=26), st.integers(0, 49))
def test_numbers_at_a_constant_distance_are_a_sequence_and_the_rest_of_them_is_missing(
    first: int, stride: int, there: set[int], neighbour: int
) -> None:
    # The distance is known where two of its frames follow one another, and most are there.
    there |= {0, neighbour, neighbour + 1}
    frames = frame_sequence([f"step_{first + stride * step}.png" for step in there], "job")
    assert (frames.numbering, frames.stride) == ("steps", stride)
    absent = [step for step in range(max(there)) if step not in there]
    assert frames.missing_count() == len(absent)
    assert frames.missing(1000) == [f"step_{first + stride * step}.png" for step in absent]
    assert frames.missing(2) == [f"step_{first + stride * step}.png" for step in absent[:2]]


@pytest.mark.parametrize(
    ("numbers", "numbering", "stride", "instants"),
    [
        ([0, 100, 300, 400], "steps", 100, [0, 1, 3, 4]),
        ([7], "steps", 1, [7]),
        ([0, 100], "steps", 100, [0, 1]),
        ([3, 4, 6], "steps", 1, [3, 4, 6]),
        ([0, 7, 19, 40], "irregular", 1, [0, 7, 19, 40]),
        ([100, 300, 600], "irregular", 100, [0, 2, 5]),
        ([0, 2**80], "irregular", 2**80, [0, 1]),
        ([0, 7, 19, 40, 41, 55], "irregular", 1, [0, 7, 19, 40, 41, 55]),
        ([1, 10, 100, 1000], "irregular", 9, [0, 1, 11, 111]),
        ([0, 1000, 2000, 5000, 10000], "irregular", 1000, [0, 1, 2, 5, 10]),
        ([0, 100, 200, 350, 400, 1000], "irregular", 50, [0, 2, 4, 7, 8, 20]),
    ],
)
def test_the_distance_of_the_numbers(numbers: list[int], numbering: str, stride: int, instants: list[int]) -> None:
    frames = frame_sequence([f"{number}.png" for number in numbers], "job")
    assert (frames.numbering, frames.stride, list(frames.numbers)) == (numbering, stride, instants)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_frames_of_a_recording_are_consecutive_whatever_is_missing(numbers: set[int]) -> None:
    for record in ("manifest.json", "rollout.json"):
        frames = frame_sequence([record, *map(frame_name, numbers)], "job")
        assert (frames.numbering, frames.stride, list(frames.numbers)) == ("steps", 1, sorted(numbers))
        absent = sorted(set(range(min(numbers), max(numbers))) - numbers)
        assert frames.missing(1000) == [*map(frame_name, absent)]


@given(st.integers(0, 10**9))
def test_our_own_names_are_frame_names_and_sort_by_text_below_a_million(index: int) -> None:
    assert is_frame_name(frame_name(index))
    assert list(frame_sequence([frame_name(index)], "job").numbers) == [index]
    if index < 999_999:
        assert frame_name(index) < frame_name(index + 1)


@given(st.sets(st.integers(0, 10**12), min_size=2, max_size=30), TEXTS, st.booleans())
def test_decimal_timestamps_come_in_the_order_of_their_values_across_seconds_too(
    steps: set[int], text: str, trimmed: bool
) -> None:
    # Not one unit apart: a camera that counts microseconds does not take a picture in each.
    stamps = {step: f"{step * 7 // 10**6}.{step * 7 % 10**6:06d}" for step in steps}
    names = {
        f"{text}{stamp.rstrip('0') if trimmed else stamp}.png".replace("..", ".0."): step
        for step, stamp in stamps.items()
    }
    frames = find_sequences(names)
    if len({stamp.partition(".")[2] for stamp in stamps.values()}) > 1:
        assert [sequence.numbering for sequence in frames] == ["timestamps"]
        assert list(frames[0].names) == sorted(names, key=names.__getitem__)
        assert frames[0].missing_count() == 0


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["rgb_0.png", "depth_0.png", "rgb_1.png"], {"depth_*.png": 1, "rgb_*.png": 2}),
        (
            [f"frame_{step:04d}_cam{cam}.png" for step in range(9) for cam in (0, 1)],
            ["frame_*_cam0.png", "frame_*_cam1.png"],
        ),
        (
            [f"episode_{episode:05d}_step_{step:08d}.png" for episode in (8, 9, 10) for step in range(episode)],
            {"episode_00008_step_*.png": 8, "episode_00009_step_*.png": 9, "episode_00010_step_*.png": 10},
        ),
        (
            [f"ep{episode}_{step}.png" for episode in range(12) for step in (0, 1)],
            {f"ep{n}_*.png": 2 for n in range(12)},
        ),
        ([f"{episode}_{step}.png" for episode in (1, 2) for step in (0, 1)], ["1_*.png", "2_*.png"]),
        ([f"{step:06d}-{eye}.png" for step in range(3) for eye in (0, 1)], ["*-0.png", "*-1.png"]),
        ([f"env0_frame{step}_cam1.png" for step in (8, 9, 10)], {"env0_frame*_cam1.png": 3}),
        ([f"shot{shot}.{step:04d}.png" for shot in (1, 2) for step in range(30)], ["shot1.*.png", "shot2.*.png"]),
        ([f"1.{step}.png" for step in (9, 10, 11)], {"1.*.png": 3}),
        ([f"cam{cam}_17.{step}33.png" for cam in (0, 1) for step in (1, 3)], {"cam0_*.*.png": 2, "cam1_*.*.png": 2}),
        ([f"run1.2.{step}.png" for step in (1, 2)], {"run1.2.*.png": 2}),
        (["ppo2_curve.png", "000000.png", "000001.png"], {"*.png": 2}),
        (["000000_rgb.png"], {"*_rgb.png": 1}),
        (["ppo2_curve.png", "sac3_curves.png"], {}),
        (["0.png", "1.PNG"], {"*.png": 2}),
        (["._0.png", ".nfs0001.png", "Thumbs.db"], {}),
        (["manifest.json", "000000.png", "preview1.png", "cam_1.png"], {"*.png": 1}),
        ([f"17000000{step:02d}_033333333.png" for step in range(3)] + ["1700000001_066666666.png"], {"*_*.png": 4}),
        (
            [f"cam{cam}_1700000000_{step}33333333.png" for cam in (0, 1) for step in (0, 1)],
            ["cam0_*_*.png", "cam1_*_*.png"],
        ),
        (["rollout.json", "rgb_0.png", "rgb_1.png"], {"rgb_*.png": 2}),
        (["manifest.json", "000000.png", "000001.png", "7.png", "rgb_0.png", "frame_3.png"], {"*.png": 2}),
        (["manifest.json", "99999.png", "100000.png", "100001.png"], {"*.png": 3}),
    ],
)
def test_which_sequences_a_directory_holds(names: list[str], patterns: dict[str, int] | list[str]) -> None:
    random.Random(0).shuffle(names)
    found = {sequence.pattern: len(sequence) for sequence in find_sequences(names, "job")}
    assert list(found) == list(patterns)
    if isinstance(patterns, dict):
        assert found == patterns


@pytest.mark.parametrize(
    "names",
    [
        [f"episode_{episode:05d}_step_{step}.png" for episode in range(3) for step in range(2)],
        [f"cam{cam}_17.{step}33.PNG" for cam in (0, 1) for step in (1, 3)],
        [f"cam{cam}_1700000000_{step}33333333.png" for cam in (0, 1) for step in (0, 1)],
        [f"a*{shot}.{step}.png" for shot in (1, 2) for step in (2, 3)],
        [f"{step}*.{cam}.png" for step in (0, 5) for cam in ("left", "right")],
        ["manifest.json", "000000.png", "000001.png", "rgb_0.png", "rgb_1.png"],
    ],
)
def test_a_sequence_that_is_asked_for_is_the_one_that_was_found(names: list[str]) -> None:
    found = find_sequences(names)
    assert found
    for sequence in found:
        assert frame_sequence(names, "job", sequence.pattern) == sequence


def test_promised_frames_that_are_all_there_are_the_frames() -> None:
    names = ["manifest.json", *map(frame_name, (0, 1, 2, 7, 9))]
    assert list(frame_sequence(names, "job", promised=3).numbers) == [0, 1, 2]
    # One is missing: nobody knows which of the others are wrong.
    assert list(frame_sequence(names, "job", promised=4).numbers) == [0, 1, 2, 7, 9]


@pytest.mark.parametrize("twins", [["01.png", "1.png"], ["0.PNG", "0.png"]])
def test_two_candidates_for_one_frame_are_refused(twins: list[str]) -> None:
    with pytest.raises(FrameError, match=f"^job: {twins[0]} and {twins[1]} have the same number; remove one$"):
        frame_sequence([*reversed(twins), "2.png"], "job")


def test_several_sequences_are_an_error_that_lists_them_and_one_of_them_can_be_asked_for() -> None:
    names = [f"ep_{episode}_step_{step}.png" for episode in range(6) for step in range(episode + 1)]
    with pytest.raises(FrameError) as caught:
        frame_sequence(names, "job")
    assert str(caught.value) == (
        "job: holds 6 sequences of frames: ep_0_step_*.png (1), ep_1_step_*.png (2), ep_2_step_*.png (3), "
        "ep_3_step_*.png (4), 2 more; --split makes a video of each"
    )
    assert list(frame_sequence(names, "job", "ep_2_step_*.png").names) == [f"ep_2_step_{step}.png" for step in range(3)]
    assert len(frame_sequence(names, "job", "ep_7_step_*.png")) == 0


@example(["00N0N.png", "0N00N.png"])
@given(
    st.lists(st.text(st.sampled_from("01.9_-aN "), min_size=1, max_size=9).map(lambda stem: f"{stem}.png"), unique=True)
)
def test_no_name_is_of_two_sequences_and_the_count_agrees(names: list[str]) -> None:
    try:
        sequences = find_sequences(names)
    except FrameError:
        return
    found = [name for sequence in sequences for name in sequence.names]
    assert len(found) == len(set(found))
    assert set(found) <= set(names)
    assert all(len(set(sequence.numbers)) == len(sequence) for sequence in sequences)
    assert len({sequence.pattern for sequence in sequences}) == len(sequences)
    assert count_frames(names) in (len(found), 0)


@pytest.mark.parametrize(
    "name", ["poster.png", "1.jpg", ".png", "1.png.tmp", "1 .png", "\u0661.png", "a1", "manifest.json", ".1.png"]
)
def test_what_does_not_end_in_a_number_is_not_taken_for_a_recordings_frame(name: str) -> None:
    assert not is_frame_name(name)
    assert count_frames([name]) == 0
