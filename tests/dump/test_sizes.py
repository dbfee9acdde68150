"""Recordings whose frames are of several sizes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from daddy_encode.dump import FrameWriter, writer
from daddy_encode.errors import FrameError, SettingsError
from daddy_encode.spool.png.pixels import Pixels
from tests.dump.reading import annotations_of, assert_same, manifest_of, pixels_of
from tests.media import noise

SHAPES = [(20, 30, 3)] * 3 + [(90, 110, 3)] * 5 + [(20, 30, 3), (110, 40, 3), (21, 30, 3), (9, 9), (60, 200, 4)]


def frames_of(shapes: list[tuple[int, ...]]) -> list[Pixels]:
    return [noise(1, shape[0], shape[1] * 4)[0].ravel()[: int(np.prod(shape))].reshape(shape) for shape in shapes]


@pytest.mark.parametrize("processes", [True, False])
@pytest.mark.parametrize("max_bytes", [None, 100_000])
def test_frames_of_any_size_are_written_as_they_are(processes: bool, max_bytes: int | None, tmp_path: Path) -> None:
    # With little memory, a large frame waits for several slots in a row.
    frames = frames_of(SHAPES + [(20, 30, 3)] * 20)
    frames[4] = np.asfortranarray(frames[4])
    frames[5] = frames[5][::-1]
    job = tmp_path / "job"
    with FrameWriter(job, sizes_vary=True, processes=processes, max_bytes=max_bytes, workers=3) as recording:
        for number, frame in enumerate(frames):
            assert recording.write(frame, number=number)
    assert_same(pixels_of(job), frames)
    assert annotations_of(job) == [{"number": number} for number in range(len(frames))]
    manifest = manifest_of(job)
    assert (manifest["complete"], manifest["frames"], manifest["sizes_vary"]) == (True, len(frames), True)
    assert (manifest["width"], manifest["height"]) == (200, 110)


def test_without_it_a_frame_of_another_size_is_refused_and_the_manifest_does_not_speak_of_sizes(tmp_path: Path) -> None:
    first, other = frames_of([(20, 30, 3), (20, 31, 3)])
    with FrameWriter(tmp_path / "job") as recording:
        recording.write(first)
        with pytest.raises(FrameError, match="all must be alike"):
            recording.write(other)
    assert "sizes_vary" not in manifest_of(tmp_path / "job")
    with FrameWriter(tmp_path / "same", sizes_vary=True) as recording:
        recording.write(first)
    manifest = manifest_of(tmp_path / "same")
    assert (manifest["width"], manifest["height"], "sizes_vary" in manifest) == (30, 20, False)


def test_a_frame_that_no_memory_can_hold_is_refused_and_the_recording_goes_on(tmp_path: Path) -> None:
    small, large = frames_of([(20, 30, 3), (200, 200, 3)])
    with FrameWriter(tmp_path / "job", sizes_vary=True, max_bytes=10_000) as recording:
        recording.write(small)
        with pytest.raises(SettingsError, match=r"max_bytes is too small for a frame of shape \(200, 200, 3\)"):
            recording.write(large)
        recording.write(small)
    assert_same(pixels_of(tmp_path / "job"), [small, small])


def test_by_default_there_is_room_for_two_frames_however_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_MAX_BYTES", 1000)
    frames = frames_of([(20, 30, 3)] * 5)
    with FrameWriter(tmp_path / "job") as recording:
        for frame in frames:
            recording.write(frame)
    assert_same(pixels_of(tmp_path / "job"), frames)


def test_what_is_dropped_for_lack_of_room_leaves_the_others_whole(tmp_path: Path) -> None:
    frames = frames_of(SHAPES * 20)
    recording = FrameWriter(tmp_path / "job", sizes_vary=True, max_bytes=80_000, when_full="drop")
    taken = [frame for frame in frames if recording.write(frame)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*were dropped")
        recording.close()
    assert_same(pixels_of(tmp_path / "job"), taken)
    assert recording.dropped == len(frames) - len(taken)
