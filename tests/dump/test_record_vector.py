"""RecordFrames where the vector RecordVideo was. Runs with Gymnasium 0.29.1, too: see test_old_gymnasium.py."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from daddy_encode.dump.gymnasium import RecordFrames, VectorRecordFrames
from daddy_encode.errors import SettingsError
from tests.dump.environments import HEIGHT, WIDTH, Counter, always, job_names, picture
from tests.dump.reading import annotations_of, assert_same, manifest_of, pixels_of
from tests.service.spools import until

MODES: dict[str, Any] = getattr(getattr(gym.vector, "AutoresetMode", None), "__members__", {})
since_1_1 = pytest.mark.skipif(not MODES, reason="Gymnasium before 1.1 knows one autoreset mode")
# Its type is that of a single environment's.
Record: Any = RecordFrames
# Of two sub-environments; the second one's pictures begin at 100.
LENGTHS = (2, 3)


def vector(mode: str | None = None, lengths: tuple[int, ...] = LENGTHS, **options: Any) -> Any:
    functions = [
        lambda length=length, index=index: Counter(length, first=100 * index, **options)
        for index, length in enumerate(lengths)
    ]
    return SyncVectorEnv(functions, **({} if mode is None else {"autoreset_mode": MODES[mode]}))


def actions(envs: Any) -> Any:
    return np.zeros(envs.unwrapped.num_envs, int)


def values_of(job: Path) -> list[list[int]]:
    """What each Counter of a row showed."""
    return [pixels[0, ::WIDTH, 0].tolist() for pixels in pixels_of(job)]


def test_all_are_tiled_into_each_picture(tmp_path: Path) -> None:
    envs = Record(vector(lengths=(9,) * 6), tmp_path, (16, 9), video_length=1, meta={"run": 5})
    assert isinstance(envs, VectorRecordFrames)
    envs.reset(seed=3)
    envs.step(actions(envs))
    envs.close()
    # Of 1 x 6 and 2 x 3 tiles of 6 x 4 pixels, 18 x 8 is nearer to 16:9.
    wanted = [
        np.vstack([np.hstack([picture((100 * index + n) % 256) for index in row]) for row in ((0, 1, 2), (3, 4, 5))])
        for n in (0, 1)
    ]
    assert wanted[0].shape == (2 * HEIGHT, 3 * WIDTH, 3)
    assert_same(pixels_of(tmp_path / "rl-video-episode-0"), wanted)
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["complete"], manifest["width"], manifest["height"]) == (True, 18, 8)
    assert manifest["meta"] == {
        "run": 5,
        "environment": "Counter",
        "process": multiprocessing.current_process().name,
        "instance": manifest["meta"]["instance"],
        "env_index": [0, 1, 2, 3, 4, 5],
        "tiles": [2, 3],
        "seed": 3,
        "episode": 0,
        "start_step": 0,
        "return": [1.0, 101.0, 201.0, 301.0, 401.0, 501.0],
        "length": 1,
        "terminated": [False] * 6,
        "truncated": [False] * 6,
    }


@pytest.mark.parametrize(
    ("count", "ratio", "tiles"),
    [(1, (1, 1), (1, 1)), (4, (1, 1), (2, 2)), (10, (1, 1), (2, 5)), (7, (1, 1), (1, 7)), (12, (18, 1), (1, 12))],
)
def test_tiles_are_arranged_as_record_video_does(
    count: int, ratio: tuple[int, int], tiles: tuple[int, int], tmp_path: Path
) -> None:
    envs = Record(vector(lengths=(9,) * count), tmp_path, ratio)
    envs.reset()
    envs.close()
    (only,) = pixels_of(tmp_path / "rl-video-episode-0")
    assert only.shape == (tiles[0] * HEIGHT, tiles[1] * WIDTH, 3)


@since_1_1
@pytest.mark.parametrize(
    ("mode", "frames", "returns"),
    [
        # Sub-environment 0 shows 0 1 2 | 3 4 5 | …, and 1 has 100 to 103; its next step is the reset.
        ("NEXT_STEP", [[[0, 100], [1, 101], [2, 102]], [[3, 103], [4, 104], [5, 105]], [[6, 106]]], [3.0, 203.0]),
        # The last picture of an episode is not there: the step that ends it shows the next one's first.
        ("SAME_STEP", [[[0, 100], [1, 101]], [[3, 102], [4, 104]], [[6, 105], [7, 106]]], [3.0, 203.0]),
    ],
)
def test_episodes_are_those_of_the_first_environment(
    mode: str, frames: list[list[list[int]]], returns: list[float], tmp_path: Path
) -> None:
    envs = Record(vector(mode), tmp_path, episode_trigger=always)
    envs.reset()
    for _ in range(6 if mode == "NEXT_STEP" else 5):
        envs.step(actions(envs))
    envs.close()
    names = [f"rl-video-episode-{number}" for number in range(3)]
    assert job_names(tmp_path) == names
    assert [values_of(tmp_path / name) for name in names] == frames
    metas = [manifest_of(tmp_path / name)["meta"] for name in names]
    assert metas[0]["return"] == returns
    assert [meta["length"] for meta in metas[:2]] == [2, 2]
    assert [meta["episode"] for meta in metas] == [0, 1, 2]
    assert metas[0]["terminated"] == [True, False]
    # A frame after a reset has no reward.
    assert [line.get("reward") for line in annotations_of(tmp_path / names[0])][:2] == [None, [1.0, 101.0]]


@since_1_1
def test_without_autoreset_each_reset_has_a_picture_and_that_of_the_first_environment_an_episode(
    tmp_path: Path,
) -> None:
    envs = Record(vector("DISABLED"), tmp_path, episode_trigger=always)
    envs.reset()
    over = np.zeros(2, bool)
    for _ in range(4):
        if over.any():
            envs.reset(options={"reset_mask": over})
        _, _, terminated, truncated, _ = envs.step(actions(envs))
        over = terminated | truncated
    # Sub-environment 0 is over, again, and nobody has reset it.
    assert not envs.recording
    assert envs.episode_id == 1
    envs.close()
    assert job_names(tmp_path) == ["rl-video-episode-0", "rl-video-episode-1"]
    assert values_of(tmp_path / "rl-video-episode-0") == [[0, 100], [1, 101], [2, 102]]
    assert values_of(tmp_path / "rl-video-episode-1") == [[3, 102], [4, 103], [4, 104], [5, 105]]
    assert manifest_of(tmp_path / "rl-video-episode-1")["complete"]


@since_1_1
def test_where_the_others_are_stepped_on_without_the_first_they_are_recorded_on(tmp_path: Path) -> None:
    plain = vector("DISABLED", flags=lambda made: (made >= 2, False))
    envs = Record(plain, tmp_path)
    envs.reset()
    for _ in range(5):
        # An environment that minds nobody who is over.
        plain._autoreset_envs[:] = False
        envs.step(actions(envs))
    envs.reset()
    envs.close()
    assert values_of(tmp_path / "rl-video-episode-0") == [[0, 100], [1, 101], [2, 102]]
    assert values_of(tmp_path / "rl-video-episode-0-2") == [[3, 103], [4, 104], [5, 105]]
    assert job_names(tmp_path) == ["rl-video-episode-0", "rl-video-episode-0-2", "rl-video-episode-1"]


def test_an_episode_is_complete_at_the_step_that_ends_it(tmp_path: Path) -> None:
    envs = Record(vector(), tmp_path, episode_trigger=lambda number: number == 0)
    envs.reset()
    for _ in range(2):
        assert envs.recording
        envs.step(actions(envs))
    assert not envs.recording
    until((tmp_path / "rl-video-episode-0" / "manifest.json").exists, "the manifest")
    assert manifest_of(tmp_path / "rl-video-episode-0")["complete"]
    envs.close()


@pytest.mark.parametrize("mode", [None, *MODES])
def test_steps_and_lengths_are_counted_as_record_video_does(mode: str | None, tmp_path: Path) -> None:
    envs = Record(
        vector(mode), tmp_path, episode_trigger=lambda n: n == 3, step_trigger=lambda n: n in (0, 15), video_length=4
    )
    envs.reset()
    recorded = []
    for _ in range(20):
        _, rewards, terminated, truncated, _ = envs.step(actions(envs))
        assert isinstance(rewards, np.ndarray)
        assert rewards.shape == terminated.shape == truncated.shape == (2,)
        if mode == "DISABLED" and (terminated | truncated).any():
            envs.reset(options={"reset_mask": terminated | truncated})
        recorded.append(envs.recording)
    envs.close()
    assert job_names(tmp_path) == ["rl-video-episode-3", "rl-video-step-0", "rl-video-step-15"]
    # The first picture, and one for each of four steps; without autoreset a reset has one, too.
    for name in job_names(tmp_path):
        assert len(pixels_of(tmp_path / name)) == 5
    if mode != "DISABLED":
        assert recorded[:5] == [True] * 4 + [False]
    assert envs.step_id == 19


def test_only_the_first_is_recorded_where_that_is_asked_for(tmp_path: Path) -> None:
    envs = Record(vector(), tmp_path, record_first_only=True)
    envs.reset(seed=4)
    envs.step(actions(envs))
    envs.close()
    assert values_of(tmp_path / "rl-video-episode-0") == [[0], [1]]
    meta = manifest_of(tmp_path / "rl-video-episode-0")["meta"]
    assert (meta["env_index"], meta["return"], meta["terminated"], meta["seed"]) == (0, 1.0, False, 4)


@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_cartpoles_are_tiled_pixel_for_pixel(kind: Any, tmp_path: Path) -> None:
    def cartpole() -> Any:
        return gym.make("CartPole-v1", render_mode="rgb_array", disable_env_checker=True)

    single = [cartpole() for _ in range(2)]
    envs = Record(kind([cartpole] * 2), tmp_path)
    envs.reset(seed=1)
    for index, env in enumerate(single):
        env.reset(seed=1 + index)
    shown = [np.hstack([env.render() for env in single])]
    for _ in range(3):
        envs.step(np.array([0, 1]))
        for index, env in enumerate(single):
            env.step(index)
        shown.append(np.hstack([env.render() for env in single]))
    envs.close()
    for env in single:
        env.close()
    assert_same(pixels_of(tmp_path / "rl-video-episode-0"), shown)


@pytest.mark.skipif(not hasattr(gym.vector, "VectorWrapper"), reason="of Gymnasium 1")
def test_a_vector_environment_of_its_own_kind_is_tiled(tmp_path: Path) -> None:
    # CartPole's own, which steps and draws all of them itself.
    envs = Record(gym.make_vec("CartPole-v1", num_envs=2, render_mode="rgb_array"), tmp_path)
    envs.reset(seed=1)
    envs.step(actions(envs))
    envs.close()
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["frames"], manifest["width"], manifest["height"]) == (2, 1200, 400)
    assert (manifest["meta"]["environment"], manifest["meta"]["env_index"]) == ("CartPole-v1", [0, 1])


class Drawn:
    """Gives what `view` says as the pictures of both."""

    def __new__(cls, view: Callable[[int], Any]) -> Any:
        envs = vector()
        envs.render_mode = "rgb_array"
        envs.render = lambda: view(envs.envs[0].shown)
        return envs


@pytest.mark.parametrize(
    ("view", "shape"),
    [
        (lambda n: np.stack([picture(n), picture(n)]), (4, 12, 3)),
        (lambda n: [[picture(0), picture(n)], [picture(n)]], (4, 12, 3)),
        (lambda n: picture(n), (4, 6, 3)),
        (lambda n: np.zeros((2, 4, 6), np.uint8), (4, 12)),
        (lambda n: (np.zeros((4, 6, 3), np.uint8), np.zeros((6, 5, 3), np.uint8)), (6, 12, 3)),
    ],
)
def test_pictures_may_come_in_any_order(view: Callable[[int], Any], shape: tuple[int, ...], tmp_path: Path) -> None:
    envs = Record(Drawn(view), tmp_path)
    envs.reset()
    envs.step(actions(envs))
    envs.close()
    assert [pixels.shape for pixels in pixels_of(tmp_path / "rl-video-episode-0")] == [shape] * 2


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize(
    "view",
    [
        lambda n: None,
        lambda n: {"rgb": picture(0)},
        lambda n: (None, None),
        lambda n: (picture(0),) if n < 0 else (),
        lambda n: (np.zeros((4, 6, 3)),) * 2,
        lambda n: (np.zeros((4, 6), np.int8), picture(0)),
        lambda n: 1 / 0,
    ],
)
def test_what_is_no_picture_ends_the_recording_and_not_the_training(
    view: Callable[[int], Any], separate: bool, tmp_path: Path
) -> None:
    drawn = Drawn(lambda n: (picture(0), picture(1)) if n == 0 else view(n))
    envs = Record(drawn, tmp_path, episode_trigger=lambda n: n == 0, separate=separate)
    envs.reset()
    assert envs.recording
    with pytest.warns(RuntimeWarning, match="this recording has stopped"):
        envs.step(actions(envs))
    envs.step(actions(envs))
    envs.close()
    manifest = manifest_of(tmp_path / ("rl-video-env-0-episode-0" if separate else "rl-video-episode-0"))
    assert (manifest["complete"], manifest["frames"]) == (False, 1)


def of_two(kind: Any) -> Any:
    # Sub-environment 0 shows 0 1 2 | 3 4 5 | …, and 1 shows 100 to 103, then 104 to 107.
    return kind([lambda: Counter(2), lambda: Counter(3, first=100)])


@pytest.mark.skipif(not MODES, reason="Gymnasium before 1 resets in the same step")
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_separate_each_episode_of_each_environment_is_a_recording(kind: Any, tmp_path: Path) -> None:
    envs = Record(of_two(kind), tmp_path, episode_trigger=always, separate=True)
    assert isinstance(envs, VectorRecordFrames)
    envs.reset(seed=10)
    for _ in range(6):
        envs.step(actions(envs))
    envs.close()
    shown = {
        "rl-video-env-0-episode-0": [0, 1, 2],
        "rl-video-env-0-episode-1": [3, 4, 5],
        "rl-video-env-0-episode-2": [6],
        "rl-video-env-1-episode-0": [100, 101, 102, 103],
        "rl-video-env-1-episode-1": [104, 105, 106],
    }
    assert {name: [row[0] for row in values_of(tmp_path / name)] for name in job_names(tmp_path)} == shown
    for name, values in shown.items():
        meta = manifest_of(tmp_path / name)["meta"]
        index, episode = int(name[13]), int(name[-1])
        assert (meta["env_index"], meta["episode"], meta["seed"]) == (index, episode, None if episode else 10 + index)
        assert (meta["return"], meta["length"]) == (float(sum(values[1:])), len(values) - 1)
        assert meta["terminated"] == (len(values) == 3 + index)
        assert [line.get("reward") for line in annotations_of(tmp_path / name)] == [None, *map(float, values[1:])]


@pytest.mark.parametrize("mode", [None] if not MODES else ["SAME_STEP"])
def test_separate_the_last_reward_counts_without_a_frame_where_the_same_step_resets(
    mode: str | None, tmp_path: Path
) -> None:
    envs = Record(vector(mode), tmp_path, episode_trigger=always, record_first_only=True, separate=True)
    envs.reset(seed=[3, 4])
    for _ in range(5):
        envs.step(actions(envs))
    envs.close()
    names = [f"rl-video-env-0-episode-{number}" for number in range(3)]
    assert job_names(tmp_path) == names
    assert [values_of(tmp_path / name) for name in names] == [[[0], [1]], [[3], [4]], [[6], [7]]]
    metas = [manifest_of(tmp_path / name)["meta"] for name in names]
    assert [(meta["return"], meta["length"], meta["seed"]) for meta in metas] == [(3, 2, 3), (9, 2, None), (7, 1, None)]


@since_1_1
def test_separate_only_the_environments_that_are_reset_begin_an_episode(tmp_path: Path) -> None:
    envs = Record(vector("DISABLED"), tmp_path, episode_trigger=always, separate=True)
    envs.reset(seed=1)
    envs.step(actions(envs))
    envs.reset(options={"reset_mask": np.array([False, True])})
    envs.step(actions(envs))
    envs.close()
    frames = {name: manifest_of(tmp_path / name)["frames"] for name in job_names(tmp_path)}
    assert frames == {"rl-video-env-0-episode-0": 3, "rl-video-env-1-episode-0": 2, "rl-video-env-1-episode-1": 2}


def test_separate_recordings_can_be_started_and_stopped_by_hand(tmp_path: Path) -> None:
    envs = Record(vector(), tmp_path, episode_trigger=lambda _: False, separate=True)
    envs.reset()
    envs.start_recording("mine")
    envs.step(actions(envs))
    assert (envs.recording, len(envs.recorded_frames), envs.episode_id, envs.step_id) == (True, 1, 0, 0)
    envs.stop_recording()
    envs.close()
    assert {name: values_of(tmp_path / name) for name in job_names(tmp_path)} == {
        "mine-env-0": [[1]],
        "mine-env-1": [[101]],
    }


def test_a_recording_of_all_can_be_started_and_stopped_by_hand(tmp_path: Path) -> None:
    envs = Record(vector(), tmp_path, episode_trigger=lambda _: False)
    envs.reset()
    envs.start_recording("mine")
    envs.step(actions(envs))
    envs._capture_frame()
    assert len(envs.recorded_frames) == 2
    envs.stop_recording()
    assert not envs.recording
    envs.close()
    assert values_of(tmp_path / "mine") == [[1, 101]] * 2


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_records_nothing(copied: Callable[[Any], Any], separate: bool, tmp_path: Path) -> None:
    envs = Record(SyncVectorEnv([Counter] * 2), tmp_path, episode_trigger=lambda _: True, separate=separate)
    envs.reset()
    other = copied(envs)
    other.reset()
    other.start_recording("copied")
    other.step(actions(other))
    assert not other.recording
    other.close()
    envs.step(actions(envs))
    envs.close()
    assert len(job_names(tmp_path)) == (2 if separate else 1)
    assert {manifest_of(tmp_path / name)["frames"] for name in job_names(tmp_path)} == {2}


def test_a_subclass_is_one_of_vector_environments_too(tmp_path: Path) -> None:
    class Counts(RecordFrames):
        closed_times = 0

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.mine = 1

        def close(self, **options: Any) -> None:
            super().close(**options)
            self.closed_times += 1

    for env in (Counts(vector(), tmp_path), Counts(Counter(2), tmp_path)):
        env.reset()
        env.close()
        assert isinstance(env, Counts)
        assert (env.mine, env.closed_times) == (1, 1)
    assert {name: values_of(tmp_path / name) for name in job_names(tmp_path)} == {
        "rl-video-episode-0": [[0, 100]],
        "rl-video-episode-0-2": [[0]],
    }
    Counts.__new__(Counts).__del__()
    VectorRecordFrames.__new__(VectorRecordFrames).__del__()


class Mine(RecordFrames):
    """A subclass that pickle finds by its name."""

    kept = 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_subclass_around_a_vector_environment_can_be_copied(copied: Callable[[Any], Any], tmp_path: Path) -> None:
    kind: Any = Mine
    envs = kind(SyncVectorEnv([Counter] * 2), tmp_path)
    envs.kept = 4
    envs.reset()
    other = copied(envs)
    assert (type(other), other.kept, other.unwrapped.num_envs, other.recording) == (type(envs), 4, 2, False)
    other.reset()
    assert copied(other).kept == 4
    other.close()
    envs.close()
    assert job_names(tmp_path) == ["rl-video-episode-0"]


@pytest.mark.parametrize("separate", [False, True])
def test_a_resumed_training_sets_its_counts(separate: bool, tmp_path: Path) -> None:
    envs = Record(vector(lengths=(9, 9)), tmp_path, episode_trigger=lambda number: number == 11, separate=separate)
    envs.episode_id, envs.step_id = 10, 500
    envs.reset()
    assert envs.video_recorder.recorded_frames
    envs.recording = False
    assert envs.video_recorder is None
    envs.step(actions(envs))
    envs.recording = True
    envs.step(actions(envs))
    assert envs.recording
    envs.close()
    names = ["rl-video-env-0-episode-11", "rl-video-env-1-episode-11"] if separate else ["rl-video-episode-11"]
    found = [manifest_of(tmp_path / name) for name in names]
    assert [(each["frames"], each["meta"]["start_step"]) for each in found] == [(1, 501)] * len(names)


def test_a_recording_without_a_step_has_meta_of_the_same_types(tmp_path: Path) -> None:
    for name, options in (("all", {}), ("first", {"record_first_only": True}), ("each", {"separate": True})):
        envs = Record(vector(lengths=(9, 9)), tmp_path / name, episode_trigger=always, **options)
        envs.reset()
        envs.close()
        (meta, *_) = (manifest_of(path.parent)["meta"] for path in sorted((tmp_path / name).rglob("manifest.json")))
        wanted: Any = (0.0, False, False) if options else ([0.0, 0.0], [False, False], [False, False])
        assert (meta["return"], meta["terminated"], meta["truncated"]) == wanted


def test_more_environments_than_fit_into_a_picture_are_an_error_that_says_what_does(tmp_path: Path) -> None:
    def large(_: int) -> Any:
        return np.broadcast_to(np.uint8(0), (8000, 8000, 3))

    envs = Record(vector(view=large), tmp_path)
    with pytest.warns(RuntimeWarning, match=r"make 16000x8000, above .*record_first_only=True.*separate=True"):
        envs.reset()
    envs.close()
    assert job_names(tmp_path) == []


def wrapped(folder: Path) -> Any:
    return Record(Counter(2), folder, episode_trigger=always)


def test_environments_recorded_in_their_own_processes_say_which_they_are(tmp_path: Path) -> None:
    envs = AsyncVectorEnv([lambda: wrapped(tmp_path)] * 2)
    envs.reset()
    for _ in range(2):
        envs.step(actions(envs))
    envs.close()
    metas = [manifest_of(tmp_path / name)["meta"] for name in job_names(tmp_path)]
    assert sorted((meta["env_index"], meta["process"]) for meta in metas if meta["episode"] == 0) == [
        (0, "Worker<AsyncVectorEnv>-0"),
        (1, "Worker<AsyncVectorEnv>-1"),
    ]


def test_environments_recorded_in_one_process_say_which_they_are(tmp_path: Path) -> None:
    envs = SyncVectorEnv([lambda: wrapped(tmp_path)] * 3)
    envs.reset()
    envs.close()
    metas = [manifest_of(tmp_path / name)["meta"] for name in job_names(tmp_path)]
    instances = sorted(meta["instance"] for meta in metas)
    assert instances == list(range(instances[0], instances[0] + 3))
    assert {meta["process"] for meta in metas} == {multiprocessing.current_process().name}


@pytest.mark.parametrize("ratio", [(0, 1), (1, -1), 1, (1, 2, 3), "ab", always])
def test_an_aspect_ratio_that_is_none_is_refused(ratio: Any, tmp_path: Path) -> None:
    envs = vector()
    with pytest.raises(SettingsError, match=r"video_aspect_ratio is .*: give two numbers, such as \(16, 9\)"):
        Record(envs, tmp_path, ratio)
    envs.close()


def test_the_error_without_pictures_has_the_words_of_record_video(tmp_path: Path) -> None:
    envs = SyncVectorEnv([lambda: gym.make("CartPole-v1", disable_env_checker=True)] * 2)
    with pytest.raises(ValueError, match="such as rgb_array") as caught:
        Record(envs, tmp_path / "videos")
    assert len(caught.value.args) == 1
    envs.close()
    assert not os.path.exists(tmp_path / "videos")
