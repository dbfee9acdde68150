"""RecordFrames where RecordVideo was. Runs with Gymnasium 0.29.1, too: see test_old_gymnasium.py."""

from __future__ import annotations

import copy
import gc
import math
import multiprocessing
import pickle
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from daddy_encode.dump.gymnasium import RecordFrames
from daddy_encode.errors import SettingsError
from tests.dump.environments import Counter, always, job_names, picture
from tests.dump.reading import annotations_of, assert_same, manifest_of, pixels_of
from tests.service.spools import until


def has_manifest(job: Path) -> Callable[[], bool]:
    return (job / "manifest.json").exists


def values_of(job: Path) -> list[int]:
    """What a Counter showed."""
    return [int(pixels[0, 0, 0]) for pixels in pixels_of(job)]


def test_an_episode_is_complete_at_the_step_that_ends_it(tmp_path: Path) -> None:
    env = RecordFrames(Counter(2), tmp_path, episode_trigger=always)
    env.reset(seed=7)
    env.step(0)
    assert env.recording
    env.step(0)
    assert not env.recording
    # Neither reset nor closed.
    until(has_manifest(tmp_path / "rl-video-episode-0"), "the manifest")
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["complete"], manifest["frames"]) == (True, 3)
    assert manifest["meta"] == {
        "environment": "Counter",
        "process": multiprocessing.current_process().name,
        "instance": manifest["meta"]["instance"],
        "seed": 7,
        "episode": 0,
        "start_step": 0,
        "return": 1.0 + 2.0,
        "length": 2,
        "terminated": True,
        "truncated": False,
    }
    env.close()
    assert values_of(tmp_path / "rl-video-episode-0") == [0, 1, 2]


def test_a_script_that_never_closes_has_every_episode(tmp_path: Path) -> None:
    script = """
    from daddy_encode.dump.gymnasium import RecordFrames
    from tests.dump.environments import Counter, always

    env = RecordFrames(Counter(3), "videos", episode_trigger=always)
    for seed in range(3):
        env.reset(seed=seed)
        for _ in range(3 if seed < 2 else 1):
            env.step(0)
    """
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, env=path, timeout=120, stderr=subprocess.PIPE
    )
    assert (done.returncode, done.stderr) == (0, b"")
    found = [manifest_of(tmp_path / "videos" / f"rl-video-episode-{number}") for number in range(3)]
    assert [each["complete"] for each in found] == [True, True, False]
    assert [each["meta"]["seed"] for each in found] == [0, 1, 2]
    assert [each["meta"]["return"] for each in found] == [1 + 2 + 3, 5 + 6 + 7, 9]
    assert [each["frames"] for each in found] == [4, 4, 2]


def test_a_length_counts_steps_and_spans_episodes(tmp_path: Path) -> None:
    env = RecordFrames(Counter(3), tmp_path, step_trigger=lambda step: step in (0, 20), video_length=7)
    still: list[bool] = []
    for _ in range(4):
        env.reset()
        for _ in range(3):
            env.step(0)
            still.append(env.recording)
    env.close()
    # The first picture and seven more, of which two were shown after a reset.
    assert values_of(tmp_path / "rl-video-step-0") == list(range(1, 9))
    assert still == [True] * 6 + [False] * 6
    manifest = manifest_of(tmp_path / "rl-video-step-0")
    assert (manifest["complete"], manifest["meta"]["length"]) == (True, 6)
    assert job_names(tmp_path) == ["rl-video-step-0"]


def test_it_has_the_attributes_of_record_video(tmp_path: Path) -> None:
    def sometimes(number: int) -> bool:
        return number == 1

    env = RecordFrames(
        Counter(2), tmp_path, sometimes, name_prefix="eval", video_length=5, disable_logger=False, fps=12.5
    )
    assert (env.episode_id, env.step_id, env.recording, len(env.recorded_frames)) == (-1, -1, False, 0)
    assert (env.video_folder, env.video_length, env.name_prefix) == (str(tmp_path), 5, "eval")
    assert (env.episode_trigger, env.step_trigger, env.gc_trigger) == (sometimes, None, None)
    assert (env.disable_logger, env.frames_per_sec, env.render_history) == (False, 12.5, [])
    for _ in range(2):
        env.reset()
        env.step(0)
    assert (env.episode_id, env.step_id, env.recording, len(env.recorded_frames)) == (1, 1, True, 2)
    paths = list(env.recorded_frames)
    assert env.recorded_frames[-1] == paths[1]
    assert env.recorded_frames[1:] == paths[1:]
    env.close()
    assert [path.exists() for path in paths] == [True, True]
    whole = RecordFrames(Counter(2), tmp_path)
    assert (whole.video_length, whole.frames_per_sec) == (math.inf, 30)
    assert whole.episode_trigger is not None
    assert [number for number in range(2001) if whole.episode_trigger(number)] == [
        *(number**3 for number in range(10)),
        1000,
        2000,
    ]
    whole.close()


def test_what_its_attributes_are_set_to_counts_for_later_recordings(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    env = RecordFrames(Counter(2), tmp_path / "a", episode_trigger=always)
    env.reset()
    # As highway-env does, whose frames come more often with a recorder.
    env.frames_per_sec = 15
    env.step(0)
    env.step(0)
    env.video_folder, env.name_prefix, env.video_length = str(tmp_path / "b"), "late", 3
    env.reset()
    env.episode_trigger, env.step_trigger = None, lambda step: step == 6
    for _ in range(2):
        env.step(0)
        env.step(0)
        env.reset()
    env.video_length = math.inf
    env.step(0)
    env.step(0)
    env.close()
    assert manifest_of(tmp_path / "a" / "rl-video-episode-0")["fps"] == 30
    assert job_names(tmp_path / "b") == ["late-episode-1", "late-step-6"]
    late = [manifest_of(tmp_path / "b" / name) for name in job_names(tmp_path / "b")]
    assert [(each["fps"], each["frames"]) for each in late] == [(15, 4), (15, 2)]


def test_a_recording_can_be_started_and_stopped_by_hand(tmp_path: Path) -> None:
    env = RecordFrames(Counter(9), tmp_path, episode_trigger=lambda _: False)
    env.reset()
    env.stop_recording()
    env._capture_frame()
    env.step(0)
    env.start_recording("mine")
    env.step(0)
    # Environments capture what happens within a step.
    env._capture_frame()
    env.step(0)
    env.start_recording("another")
    env.step(0)
    env.stop_recording()
    env.step(0)
    env.close()
    assert job_names(tmp_path) == ["another", "mine"]
    assert values_of(tmp_path / "mine") == [2, 2, 3]
    assert values_of(tmp_path / "another") == [4]
    assert manifest_of(tmp_path / "mine")["meta"]["start_step"] == 1
    assert [line.get("reward") for line in annotations_of(tmp_path / "mine")] == [2.0, None, 3.0]


def test_an_environment_captures_frames_through_its_wrapper(tmp_path: Path) -> None:
    class Driving(Counter):
        wrapper: RecordFrames

        def step(self, action: Any) -> Any:
            self.shown += 1
            self.wrapper._capture_frame()
            return super().step(action)

    driving = Driving(2)
    driving.wrapper = env = RecordFrames(driving, tmp_path, episode_trigger=always)
    env.reset()
    env.step(0)
    env.step(0)
    env.close()
    assert values_of(tmp_path / "rl-video-episode-0") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("reward", "total"),
    [
        (lambda _: np.float32(0.5), 1.0),
        (lambda _: np.array([0.5]), 1.0),
        (lambda _: np.array(0.5), 1.0),
        (lambda _: [0.5], 1.0),
        (lambda _: Decimal("0.5"), 1.0),
        (lambda _: True, 2.0),
        (lambda _: np.array([0.5, 2, -1]), [1.0, 4.0, -2.0]),
        (lambda _: (1, 2), [2.0, 4.0]),
        (lambda n: np.ones(n), None),
        (lambda n: None if n == 1 else 0.5, None),
        (lambda _: None, None),
        (lambda _: {"alice": 1.0}, None),
        (lambda _: "many", None),
        (lambda _: object(), None),
        (lambda _: 10**400, None),
        (lambda _: float("nan"), None),
        (lambda _: np.array(["much"]), None),
        (lambda _: np.zeros((0,)), None),
        (lambda _: 1j, None),
    ],
)
def test_whatever_a_reward_is_the_training_goes_on(reward: Callable[[int], Any], total: Any, tmp_path: Path) -> None:
    env = RecordFrames(Counter(2, reward=reward), tmp_path)
    env.reset()
    env.step(0)
    env.step(0)
    env.close()
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["complete"], manifest["frames"]) == (True, 3)
    assert (manifest["meta"]["return"], manifest["meta"]["length"]) == (total, 2)
    assert all("reward" in line for line in annotations_of(tmp_path / "rl-video-episode-0")[1:])


NEVER = 1000


@pytest.mark.parametrize(
    ("flags", "length", "terminated"),
    [
        (lambda n: (np.bool_(n == 2), False), 2, True),
        (lambda n: (np.array([n == 2]), np.array([False])), 2, True),
        # Some worlds end before others: over when all are.
        (lambda n: (np.array([True, False]), np.array([False, n == 2])), 2, [True, False]),
        (lambda n: ([n == 1, n == 2], [False, False]), NEVER, [False, False]),
        (lambda n: ({"a": n == 2, "b": True}, {"a": False}), 2, None),
        (lambda n: ({}, {}), NEVER, None),
        (lambda n: (None, n == 3), 3, None),
        (lambda n: (object(), "no"), NEVER, None),
        (lambda n: (np.zeros((2, 2), bool), np.zeros(3, bool)), NEVER, [[False] * 2] * 2),
    ],
)
def test_whatever_says_that_it_is_over_the_training_goes_on(
    flags: Callable[[int], Any], length: int, terminated: Any, tmp_path: Path
) -> None:
    env = RecordFrames(Counter(flags=flags), tmp_path)
    env.reset()
    for step in range(1, min(length, 4) + 1):
        env.step(0)
        assert env.recording == (step < length)
    env.close()
    # An episode of which nobody says that it is over is recorded until the environment is closed.
    length = min(length, 4)
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["complete"], manifest["frames"], manifest["meta"]["length"]) == (True, length + 1, length)
    assert manifest["meta"]["terminated"] == terminated


class Unfit:
    def __array__(self, *_: object, **__: object) -> Any:
        raise RuntimeError("lost the device")


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (lambda _: None, "render.. gave no picture: .* such as rgb_array"),
        (lambda _: {"rgb": picture(0)}, "a dict"),
        (lambda _: np.zeros((4, 6, 3)), "dtype is float64"),
        (lambda _: np.zeros((4, 6, 3), np.int32), "dtype is int32"),
        (lambda _: np.zeros((2, 4, 6, 3), np.uint8), r"shape is \(2, 4, 6, 3\)"),
        (lambda _: np.zeros((0, 6, 3), np.uint8), "is empty"),
        (lambda _: [np.zeros((4, 6, 2), np.uint8)], r"shape is \(4, 6, 2\)"),
        (lambda _: "picture", "frame 1: dtype"),
        (lambda _: Unfit(), "lost the device"),
        (lambda _: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_picture_ends_the_recording_and_not_the_training(
    view: Callable[[int], Any], said: str, tmp_path: Path
) -> None:
    env = RecordFrames(Counter(3, view=lambda n: picture(n) if n in (0, 4, 5) else view(n)), tmp_path, always)
    env.reset()
    with pytest.warns(RuntimeWarning, match=f"{said}.*; this recording has stopped"):
        env.step(0)
    assert not env.recording
    env.step(0)
    env.step(0)
    # The next episode is tried again.
    env.reset()
    env.step(0)
    env.close()
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["frames"], manifest["complete"]) == (1, False)
    assert values_of(tmp_path / "rl-video-episode-1") == [4, 5]


def test_a_picture_in_a_batch_of_one_is_a_picture(tmp_path: Path) -> None:
    env = RecordFrames(Counter(2, view=lambda n: picture(n)[None]), tmp_path)
    env.reset()
    env.step(0)
    env.close()
    assert_same(pixels_of(tmp_path / "rl-video-episode-0"), [picture(0), picture(1)])


def test_a_trigger_that_fails_starts_nothing_and_says_so(tmp_path: Path) -> None:
    def broken(number: int) -> bool:
        if number == 1:
            raise LookupError("no such episode")
        return True

    env = RecordFrames(Counter(1), tmp_path, broken)
    env.reset()
    env.step(0)
    with pytest.warns(RuntimeWarning, match="a trigger failed: LookupError: no such episode; nothing was started"):
        env.reset()
    env.step(0)
    env.reset()
    env.close()
    assert job_names(tmp_path) == ["rl-video-episode-0", "rl-video-episode-2"]
    strict = RecordFrames(Counter(1), tmp_path / "strict", broken, on_error="raise")
    strict.reset()
    with pytest.raises(LookupError):
        strict.reset()
    strict.close()


def test_with_raise_what_render_raises_is_raised(tmp_path: Path) -> None:
    env = RecordFrames(Counter(2, view=lambda _: 1 / 0), tmp_path, on_error="raise")
    with pytest.raises(ZeroDivisionError):
        env.reset()
    env.close()


def cloudpickled(env: Any) -> Any:
    cloudpickle = pytest.importorskip("cloudpickle")
    return pickle.loads(cloudpickle.dumps(env))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env)), cloudpickled])
def test_a_copy_of_an_environment_records_nothing(copied: Callable[[Any], Any], tmp_path: Path) -> None:
    # Of CartPole, as planners do: what it draws on cannot be pickled before it has drawn.
    plain = gym.make("CartPole-v1", render_mode="rgb_array", disable_env_checker=True)
    env = RecordFrames(plain, tmp_path, step_trigger=lambda step: step == 1)
    before = copied(env)
    env.reset(seed=1)
    env.step(0)
    env.step(0)
    assert len(env.recorded_frames) == 1
    # The surface that CartPole draws on is none to be copied.
    plain.unwrapped.__dict__.update(screen=None, clock=None, surf=None)
    while_recording = copied(env)
    for other, steps in ((before, 0), (while_recording, 2)):
        assert not other.recording
        assert other.step_id == steps - 1
        other.reset(seed=2)
        other.start_recording("copied")
        for _ in range(3):
            observation, *_ = other.step(1)
        assert observation in other.observation_space
        assert len(other.recorded_frames) == 0
        assert copied(other).step_id == steps + 2
        other.close()
    env.step(1)
    env.close()
    assert job_names(tmp_path) == ["rl-video-step-1"]
    assert manifest_of(tmp_path / "rl-video-step-1")["frames"] == 2


@pytest.mark.parametrize("rate", [None, True, 0, 1e-9, 1001, -5, float("nan"), "fast", ..., object()])
def test_a_rate_that_is_none_is_30_with_a_warning(rate: Any, tmp_path: Path) -> None:
    class Odd(Counter):
        metadata = {"render_modes": ["rgb_array"], **({} if rate is ... else {"render_fps": rate})}  # noqa: RUF012

    with pytest.warns(RuntimeWarning, match=r'metadata\["render_fps"\].* 30 frames per second; set it, or give fps='):
        env = RecordFrames(Odd(1), tmp_path)
    env.reset()
    env.step(0)
    env.close()
    assert manifest_of(tmp_path / "rl-video-episode-0")["fps"] == 30
    quiet = RecordFrames(Odd(1), tmp_path, fps=10)
    assert quiet.frames_per_sec == 10
    quiet.close()


@pytest.mark.parametrize("rate", [np.float32(12.5), np.int64(60), "30000/1001"])
def test_a_rate_may_be_written_in_any_way(rate: Any, tmp_path: Path) -> None:
    class Fine(Counter):
        metadata = {"render_modes": ["rgb_array"], "render_fps": rate}  # noqa: RUF012

    env = RecordFrames(Fine(1), tmp_path)
    env.reset()
    env.close()
    assert manifest_of(tmp_path / "rl-video-episode-0")["fps"] == (rate if isinstance(rate, str) else float(rate))


def test_a_window_that_is_resized_does_not_end_the_recording(tmp_path: Path) -> None:
    sizes = [(4, 6), (8, 6), (8, 6), (3, 20), (4, 6)]
    views = [np.full((*size, 3), number * 40, np.uint8) for number, size in enumerate(sizes)]
    env = RecordFrames(Counter(4, view=views.__getitem__), tmp_path)
    env.reset()
    for _ in range(4):
        env.step(0)
    env.close()
    assert_same(pixels_of(tmp_path / "rl-video-episode-0"), views)
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["complete"], manifest["frames"], manifest["sizes_vary"]) == (True, 5, True)
    assert (manifest["width"], manifest["height"]) == (20, 8)


def test_an_environment_that_resets_itself_is_recorded_on(tmp_path: Path) -> None:
    class Resets(Counter):
        def step(self, action: Any) -> Any:
            if self.made < self.length:
                return super().step(action)
            self.reset()
            return 0, 0.0, False, False, {}

    env = RecordFrames(Resets(2), tmp_path)
    env.reset(seed=1)
    for _ in range(6):
        env.step(0)
    env.close()
    assert job_names(tmp_path) == ["rl-video-episode-0", "rl-video-episode-0-2", "rl-video-episode-0-3"]
    assert [values_of(tmp_path / name) for name in job_names(tmp_path)] == [[0, 1, 2], [3, 4, 5], [6]]
    # Whoever steps on after the end of an episode gets no recording of each step.
    ended = RecordFrames(Counter(flags=lambda n: (n >= 2, False)), tmp_path / "ended")
    ended.reset()
    for _ in range(5):
        ended.step(0)
    ended.close()
    assert values_of(tmp_path / "ended" / "rl-video-episode-0") == [0, 1, 2]
    assert job_names(tmp_path / "ended") == ["rl-video-episode-0"]


def test_one_that_nobody_holds_any_more_is_ended(tmp_path: Path) -> None:
    env = RecordFrames(Counter(5), tmp_path)
    env.reset()
    env.step(0)
    del env
    gc.collect()
    until(has_manifest(tmp_path / "rl-video-episode-0"), "the manifest")
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["complete"], manifest["error"]) == (False, "the environment was not closed")
    assert (manifest["frames"], manifest["meta"]["return"]) == (2, 1.0)
    # One whose __init__ has failed.
    RecordFrames.__new__(RecordFrames).__del__()


def test_garbage_is_collected_where_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def second(episode: int) -> bool:
        asked.append(episode)
        return episode == 1

    collections: list[int] = []
    gc.callbacks.append(lambda phase, info: collections.append(info["generation"]) if phase == "start" else None)
    try:
        gc.disable()
        env = RecordFrames(Counter(1), tmp_path, always, gc_trigger=second)
        for _ in range(3):
            env.reset()
            env.step(0)
        env.close()
    finally:
        gc.enable()
        gc.callbacks.pop()
    assert (asked, collections) == ([0, 1, 2], [2])


def test_a_name_that_leads_out_of_the_folder_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    env = RecordFrames(Counter(9), folder, episode_trigger=lambda _: False)
    env.reset()
    for name in ("a\0b", "x" * 300, "../out", "a/../../out", f"{tmp_path}/out", "", "..", "a//b"):
        with pytest.warns(RuntimeWarning, match="the name of the recording is .*; this recording has stopped"):
            env.start_recording(name)
        assert not env.recording
    names: list[Any] = ["ALE/Pong-v5", 5]
    for name in names:
        env.start_recording(name)
        env.step(0)
    env.close()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("manifest.json")) == [
        "videos/5/manifest.json",
        "videos/ALE/Pong-v5/manifest.json",
    ]
    assert job_names(tmp_path) == ["videos"]


def test_a_prefix_may_be_an_environments_id(tmp_path: Path) -> None:
    env = RecordFrames(Counter(1), tmp_path, name_prefix="ALE/Pong-v5")
    env.reset()
    env.close()
    assert manifest_of(tmp_path / "ALE" / "Pong-v5-episode-0")["frames"] == 1
    for prefix in ("../out", str(tmp_path), "a\0", "x" * 250):
        with pytest.raises(SettingsError, match="name_prefix is "):
            RecordFrames(Counter(1), tmp_path, name_prefix=prefix)


def test_an_environment_made_for_gymnasium_0_29_finds_its_recorder(tmp_path: Path) -> None:
    class Driving(Counter):
        wrapper: RecordFrames

        def step(self, action: Any) -> Any:
            if self.wrapper.video_recorder:
                self.wrapper.video_recorder.capture_frame()
            return super().step(action)

    driving = Driving(2)
    driving.wrapper = env = RecordFrames(driving, tmp_path, episode_trigger=lambda number: number == 1)
    env.reset()
    assert env.video_recorder is None
    env.step(0)
    env.reset()
    assert env.video_recorder is not None
    assert env.video_recorder.path == str(tmp_path / "rl-video-episode-1")
    env.step(0)
    assert (len(env.video_recorder.recorded_frames), env.terminated, env.truncated) == (3, False, False)
    env.close_video_recorder()
    env.start_video_recorder()
    env.step(0)
    assert (env.terminated, env.is_vector_env) == (True, False)
    env.close()
    assert values_of(tmp_path / "rl-video-episode-1") == [2, 2, 3]
    assert values_of(tmp_path / "rl-video-episode-1-2") == [3, 3, 4]


def test_a_resumed_training_sets_its_counts(tmp_path: Path) -> None:
    env = RecordFrames(Counter(4), tmp_path, lambda number: number == 11)
    env.episode_id, env.step_id = 10, 500
    env.reset()
    env.step(0)
    env.recorded_frames = []
    env.recording = False
    assert not env.recording
    env.step(0)
    env.recording = True
    env.step(0)
    env.recording = True
    env.step(0)
    env.close()
    assert values_of(tmp_path / "rl-video-episode-11") == [0, 1]
    assert values_of(tmp_path / "rl-video-episode-11-2") == [3, 4]
    assert manifest_of(tmp_path / "rl-video-episode-11")["meta"]["start_step"] == 501


@pytest.mark.parametrize(
    ("metadata", "modes"),
    [
        (None, None),
        ({}, []),
        ({"render_modes": None}, []),
        ({"render_modes": 5}, []),
        ({"render_modes": "rgb_array"}, ["rgb_array"]),
        ({"render_modes": ("human", "rgb_array")}, ["rgb_array"]),
    ],
)
def test_odd_metadata_is_no_error(metadata: Any, modes: Any, tmp_path: Path) -> None:
    plain = Counter(1)
    plain.metadata = metadata
    env = RecordFrames(plain, tmp_path, fps=30)
    env.reset()
    env.close()
    found = env.metadata
    assert (None if found is None else found["render_modes"]) == modes
    assert job_names(tmp_path) == ["rl-video-episode-0"]


def test_metadata_is_the_environments_as_it_is_now(tmp_path: Path) -> None:
    plain = Counter(1)
    plain.metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 2}
    env = RecordFrames(plain, tmp_path)
    plain.metadata["render_fps"] = 10
    assert env.metadata == {"render_modes": ["rgb_array"], "render_fps": 10}
    env.metadata["new"] = 1
    assert plain.metadata["new"] == copy.deepcopy(env.metadata)["new"] == 1
    assert plain.metadata["render_modes"] == ["human", "rgb_array"]
    env.close()


@pytest.mark.parametrize("view", [lambda _: None, lambda _: np.zeros((4, 6, 3)), lambda _: 1 / 0])
def test_a_recording_without_any_frame_leaves_nothing(view: Callable[[int], Any], tmp_path: Path) -> None:
    env = RecordFrames(Counter(1, view=view), tmp_path, always)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="this recording has stopped"):
            env.reset()
    env.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_removed_does_not_come_back(tmp_path: Path) -> None:
    env = RecordFrames(Counter(9), tmp_path / "videos")
    env.reset()
    env.step(0)
    assert env.video_recorder is not None
    second = tmp_path / "videos" / "rl-video-episode-0" / "000001.png"
    until(second.exists, "the second frame")
    shutil.rmtree(tmp_path / "videos")
    with pytest.warns(RuntimeWarning, match="No such file or directory"):
        env.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_given_as_meta_stands_in_place_of_its_own(tmp_path: Path) -> None:
    given = {"seed": 3, "return": "high", "env_index": 7, "episode": None}
    env = RecordFrames(Counter(2), tmp_path, meta=given)
    env.reset(seed=8)
    env.step(0)
    env.step(0)
    env.close()
    meta = manifest_of(tmp_path / "rl-video-episode-0")["meta"]
    assert {name: meta[name] for name in given} == given
    assert meta["length"] == 2


def test_a_warning_names_the_line_of_the_script_once(tmp_path: Path) -> None:
    def broken(number: int) -> bool:
        raise LookupError("gone")

    env = gym.wrappers.TimeLimit(RecordFrames(Counter(9), tmp_path, step_trigger=broken), 20)
    env.reset()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            env.step(0)
    env.close()
    assert [(each.filename, str(each.message)) for each in caught] == [
        (__file__, "a trigger failed: LookupError: gone; nothing was started")
    ]


@pytest.mark.parametrize("mode", [None, "human", "ansi", "ansi_list"])
def test_the_error_without_pictures_has_the_words_of_record_video(mode: str | None, tmp_path: Path) -> None:
    env = Counter(1)
    env.render_mode = mode  # type: ignore[assignment]
    with pytest.raises(ValueError, match=f"Render mode is {mode}, .*such as rgb_array") as caught:
        RecordFrames(env, tmp_path / "videos")
    assert isinstance(caught.value, SettingsError)
    assert len(caught.value.args) == 1
    assert not (tmp_path / "videos").exists()
