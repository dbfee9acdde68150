from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from daddy_encode.dump.gymnasium import RecordFrames
from daddy_encode.dump.worker import process
from daddy_encode.errors import ManifestError, SettingsError
from daddy_encode.spool.png.pixels import Pixels
from tests.dump.reading import annotations_of, assert_same, contents, frame_files, manifest_of, pixels_of

gym.register_envs(ale_py)


def cartpole(**options: Any) -> gym.Env[Any, Any]:
    return gym.make("CartPole-v1", render_mode="rgb_array", **options)


def always(number: int) -> bool:
    return True


def play(env: gym.Env[Any, Any], episodes: int, seed: int = 1) -> list[list[float]]:
    """Run whole episodes, the first one seeded; return the rewards of each."""
    env.action_space.seed(seed)
    rewards: list[list[float]] = []
    for episode in range(episodes):
        env.reset(seed=seed if episode == 0 else None)
        rewards.append([])
        over = False
        while not over:
            _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            rewards[-1].append(float(reward))
            over = terminated or truncated
    return rewards


def seen(env: gym.Env[Any, Any], episodes: int, seed: int = 1) -> list[list[Pixels]]:
    """What the plain environment shows in the same episodes: after each reset and each step."""
    env.action_space.seed(seed)
    frames: list[list[Pixels]] = []
    for episode in range(episodes):
        env.reset(seed=seed if episode == 0 else None)
        frames.append([np.array(env.render())])
        over = False
        while not over:
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            frames[-1].append(np.array(env.render()))
            over = terminated or truncated
    env.close()
    return frames


def jobs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_each_episode_is_a_job_with_every_frame_its_rewards_and_what_it_was(tmp_path: Path) -> None:
    env = RecordFrames(cartpole(), tmp_path / "videos", episode_trigger=always, video="gif", meta={"run": "a"})
    rewards = play(env, 3)
    env.close()
    expected = seen(cartpole(), 3)
    assert jobs(tmp_path / "videos") == ["rl-video-episode-0", "rl-video-episode-1", "rl-video-episode-2"]
    steps = 0
    for episode in range(3):
        job = tmp_path / "videos" / f"rl-video-episode-{episode}"
        assert_same(pixels_of(job), expected[episode])
        manifest = manifest_of(job)
        assert manifest["meta"] == {
            "run": "a",
            "environment": "CartPole-v1",
            "process": "MainProcess",
            "instance": manifest["meta"]["instance"],
            "seed": 1 if episode == 0 else None,
            "episode": episode,
            "start_step": steps,
            "return": sum(rewards[episode]),
            "length": len(rewards[episode]),
            "terminated": True,
            "truncated": False,
        }
        assert (manifest["complete"], manifest["fps"], manifest["video"]) == (True, 50, "gif")
        assert (manifest["width"], manifest["height"]) == (600, 400)
        lines: list[dict[str, Any]] = [{"step": steps}]
        lines += [{"step": steps + index + 1, "reward": reward} for index, reward in enumerate(rewards[episode])]
        assert annotations_of(job) == lines
        steps += len(rewards[episode])


def test_atari_is_recorded_pixel_for_pixel_until_the_environment_is_closed(tmp_path: Path) -> None:
    env = RecordFrames(gym.make("ALE/Breakout-v5", render_mode="rgb_array"), tmp_path, episode_trigger=always)
    plain = gym.make("ALE/Breakout-v5", render_mode="rgb_array")
    expected = []
    for each in (env, plain):
        each.reset(seed=3)
        expected.append(np.array(each.render()))
        for action in [1, 2, 3] * 10:
            each.step(action)
            expected.append(np.array(each.render()))
        each.close()
    job = tmp_path / "rl-video-episode-0"
    assert_same(pixels_of(job), expected[31:])
    manifest = manifest_of(job)
    assert (manifest["complete"], manifest["meta"]["terminated"], manifest["meta"]["length"]) == (True, False, 30)


class Painter(gym.Env[Any, Any]):
    """Shows its step's number, from a buffer that it keeps, in one of the ways that renderers do."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 - Gymnasium's own spelling
    observation_space = gym.spaces.Discrete(1)
    action_space = gym.spaces.Discrete(1)
    render_mode = "rgb_array"

    def __init__(self, way: str) -> None:
        self.way = way
        self.number = 0
        self.buffer = np.zeros((60, 80, 3), np.uint8)
        self.memory = bytearray(60 * 80 * 3)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        self.number = 0
        return 0, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.number += 1
        return 0, 1.0, False, False, {}

    def render(self) -> Any:
        if self.way == "new":
            return np.full((60, 80, 3), self.number, np.uint8)
        if self.way == "new, flipped":
            return np.full((60, 80, 3), self.number, np.uint8)[::-1]
        if self.way == "kept until the next":
            # A new one each time, but changed after it was handed out.
            self.buffer[...] = 255
            self.buffer = np.full((60, 80, 3), self.number, np.uint8)
            return self.buffer
        if self.way == "foreign memory":
            self.memory[:] = bytes([self.number]) * len(self.memory)
            return np.frombuffer(self.memory, np.uint8).reshape(60, 80, 3)
        self.buffer[...] = self.number
        return self.buffer[::-1] if self.way == "view of a buffer" else self.buffer


@pytest.mark.parametrize(
    "way", ["new", "new, flipped", "buffer", "view of a buffer", "kept until the next", "foreign memory"]
)
def test_no_frame_changes_after_it_was_rendered_however_the_renderer_keeps_it(way: str, tmp_path: Path) -> None:
    env = RecordFrames(Painter(way), tmp_path, episode_trigger=always)
    env.reset()
    for _ in range(150):
        env.step(0)
    env.close()
    expected = [np.full((60, 80, 3), number, np.uint8) for number in range(151)]
    assert_same(pixels_of(tmp_path / "rl-video-episode-0"), expected)
    assert manifest_of(tmp_path / "rl-video-episode-0")["meta"]["environment"] == "Painter"


def test_gymnasiums_check_of_environments_says_no_more_than_without_it(tmp_path: Path) -> None:
    said = []
    for env in (cartpole(), RecordFrames(cartpole(), tmp_path, episode_trigger=always)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_env(env)
        env.close()
        # Both are wrapped environments, of which it says that they are, with their names.
        said.append({str(each.message) for each in caught if "different from the unwrapped version" not in str(each)})
    assert said[1] == said[0]
    assert jobs(tmp_path)


def test_its_spec_makes_the_same_wrapper_again(tmp_path: Path) -> None:
    env = RecordFrames(cartpole(), str(tmp_path / "a"), video_length=5, name_prefix="again")
    assert env.spec is not None
    twin = gym.make(env.spec)
    twin.reset(seed=1)
    for _ in range(6):
        twin.step(twin.action_space.sample())
    twin.close()
    env.close()
    assert jobs(tmp_path / "a") == ["again-episode-0"]
    assert manifest_of(tmp_path / "a" / "again-episode-0")["frames"] == 6


def test_with_a_list_of_frames_the_video_is_the_same_and_render_still_gives_them_all(tmp_path: Path) -> None:
    env = RecordFrames(gym.wrappers.RenderCollection(cartpole()), tmp_path, episode_trigger=always)
    play(env, 1)
    rendered: Any = env.render()
    env.close()
    expected = seen(cartpole(), 1)[0]
    assert_same(rendered, expected)
    assert_same(pixels_of(tmp_path / "rl-video-episode-0"), expected)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"fps": -1}, SettingsError),
        ({"video_length": -1}, SettingsError),
        ({"when_full": "no"}, SettingsError),
        ({"on_error": "no"}, SettingsError),
        ({"meta": {"x": object()}}, ManifestError),
    ],
)
def test_arguments_that_cannot_work_are_refused_before_the_training(
    options: dict[str, Any], kind: type[Exception], tmp_path: Path
) -> None:
    with cartpole() as env, pytest.raises(kind):
        RecordFrames(env, tmp_path / "videos", **options)


def test_a_resumed_training_overwrites_nothing(tmp_path: Path) -> None:
    for seed in (1, 2):
        env = RecordFrames(cartpole(), tmp_path, episode_trigger=always)
        before = {name: contents(tmp_path / name) for name in jobs(tmp_path)}
        play(env, 2, seed)
        env.close()
        assert {name: contents(tmp_path / name) for name in before} == before
    assert jobs(tmp_path) == [f"rl-video-episode-{name}" for name in ("0", "0-2", "1", "1-2")]


@pytest.mark.parametrize(
    "left", ["rl-video-episode-0.mp4", "rl-video-episode-0.gif", "rl-video-episode-0.receipt.json"]
)
def test_a_name_whose_frames_are_cleaned_away_but_not_its_video_is_not_used_again(left: str, tmp_path: Path) -> None:
    (tmp_path / left).write_bytes(b"video")
    env = RecordFrames(cartpole(), tmp_path)
    play(env, 1)
    env.close()
    assert jobs(tmp_path) == ["rl-video-episode-0-2"]


@pytest.mark.soak
def test_several_processes_share_a_folder_without_a_collision(tmp_path: Path) -> None:
    script = (
        "import sys, gymnasium\n"
        "from daddy_encode.dump.gymnasium import RecordFrames\n"
        "env = gymnasium.make('CartPole-v1', render_mode='rgb_array')\n"
        "env = RecordFrames(env, 'videos', episode_trigger=lambda n: True, meta={'process': int(sys.argv[1])})\n"
        "env.action_space.seed(int(sys.argv[1]))\n"
        "for _ in range(4):\n"
        "    env.reset(seed=int(sys.argv[1]))\n"
        "    for _ in range(5):\n"
        "        env.step(env.action_space.sample())\n"
        "env.close()\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(i)], cwd=tmp_path) for i in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    found = [manifest_of(tmp_path / "videos" / name) for name in jobs(tmp_path / "videos")]
    assert sorted((each["meta"]["process"], each["meta"]["episode"]) for each in found) == [
        (process, episode) for process in range(3) for episode in range(4)
    ]
    assert all(each["complete"] and each["frames"] == 6 for each in found)
    for name in jobs(tmp_path / "videos"):
        assert len(pixels_of(tmp_path / "videos" / name)) == 6


def test_a_full_disk_never_ends_a_training(tmpfs: Callable[[str], Path]) -> None:
    folder = tmpfs("size=100k")
    env = RecordFrames(cartpole(), folder, episode_trigger=always)
    with pytest.warns(RuntimeWarning, match="must stay free .*this recording has stopped"):
        rewards = play(env, 12)
        env.close()
    assert len(rewards) == 12
    for name in jobs(folder):
        files = frame_files(folder / name)
        if (folder / name / "manifest.json").exists():
            manifest = manifest_of(folder / name)
            assert manifest["frames"] == len(files)
            assert manifest["complete"] == (len(files) == manifest["meta"]["length"] + 1)
    # Once it is full, episodes do not go on making directories.
    assert len(jobs(folder)) < 12


def test_with_raise_a_full_disk_is_an_error(tmpfs: Callable[[str], Path]) -> None:
    env = RecordFrames(cartpole(), tmpfs("size=100k"), episode_trigger=always, on_error="raise")
    with pytest.raises(Exception, match="must stay free"):
        play(env, 50)
    env.close()


def test_an_environment_that_raises_leaves_an_incomplete_recording(tmp_path: Path) -> None:
    class Breaks(Painter):
        def step(self, action: Any) -> Any:
            if self.number == 3:
                raise FloatingPointError("simulation diverged")
            return super().step(action)

    env = RecordFrames(Breaks("new"), tmp_path)
    env.reset()
    with pytest.raises(FloatingPointError):
        for _ in range(9):
            env.step(0)
    env.close()
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    assert (manifest["complete"], manifest["error"]) == (False, "FloatingPointError: simulation diverged")
    assert (manifest["frames"], manifest["meta"]["length"]) == (4, 3)


def test_importing_it_loads_no_encoder(tmp_path: Path) -> None:
    script = (
        "import sys, daddy_encode.dump.gymnasium\n"
        "print([name for name in ('imageio_ffmpeg', 'imageio', 'click', 'watchdog', 'moviepy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_annotations_are_one_json_object_per_line_even_for_odd_values(tmp_path: Path) -> None:
    env = RecordFrames(Painter("new"), tmp_path)
    env.reset()
    env.unwrapped.step = lambda action: (0, float("nan"), False, False, {})  # type: ignore[method-assign]
    env.step(0)
    env.close()
    lines = (tmp_path / "rl-video-episode-0" / "annotations.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 0}, {"step": 1, "reward": None}]
    assert os.path.exists(tmp_path / "rl-video-episode-0" / "manifest.json")


class Fragile(gym.Env[Any, Any]):
    """Raises where and when it is told to."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012
    render_mode = "rgb_array"
    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, where: str, over: bool) -> None:
        self.where, self.over, self.calls = where, over, {"reset": 0, "step": 0, "render": 0}

    def _call(self, name: str, limit: int) -> None:
        self.calls[name] += 1
        if name == self.where and self.calls[name] > limit:
            raise RuntimeError(f"{name} failed")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        self._call("reset", 1)
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self._call("step", 9)
        return 0, 1.0, self.over and self.calls["step"] == 9, False, {}

    def render(self) -> Any:
        self._call("render", 9)
        return np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize("where", ["reset", "step", "render"])
@pytest.mark.parametrize("over", [False, True])
def test_an_environment_that_raises_anywhere_ends_the_recording_which_says_so(
    where: str, over: bool, tmp_path: Path
) -> None:
    env = RecordFrames(Fragile(where, over), tmp_path, episode_trigger=always, on_error="raise")
    with pytest.raises(RuntimeError, match=f"{where} failed"):
        env.reset()
        for _ in range(9):
            env.step(0)
        if where == "step":
            env.step(0)
        env.reset()
    env.close()
    manifest = manifest_of(tmp_path / "rl-video-episode-0")
    # Nothing is missing from an episode that was over before.
    whole = where != "render" and over
    assert (manifest["complete"], manifest["error"]) == (whole, None if whole else f"RuntimeError: {where} failed")
    assert manifest["frames"] == len(pixels_of(tmp_path / "rl-video-episode-0")) == (9 if where == "render" else 10)


@pytest.mark.soak
def test_300_environments_are_recorded_at_once_and_the_training_has_its_descriptors(tmp_path: Path) -> None:
    code = """
    import os, resource, sys
    import gymnasium as gym, numpy as np
    from daddy_encode.dump.gymnasium import RecordFrames

    class Small(gym.Env):
        metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
        observation_space = action_space = gym.spaces.Discrete(2)
        render_mode = "rgb_array"
        def reset(self, **_):
            return 0, {}
        def step(self, _):
            return 0, 1.0, False, False, {}
        def render(self):
            return np.zeros((8, 8, 3), np.uint8)

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    environments = [RecordFrames(Small(), "videos", name_prefix=f"n{number}") for number in range(300)]
    for environment in environments:
        environment.reset()
    # What a training may open: its checkpoints, its data loader's sockets.
    files = [open(os.devnull) for _ in range(900)]
    for environment in environments:
        environment.step(0)
    for file in files:
        file.close()
    for environment in environments:
        environment.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    directories = list((tmp_path / "videos").iterdir())
    assert len(directories) == 300
    for directory in directories:
        assert (manifest_of(directory)["complete"], len(frame_files(directory))) == (True, 2)


def test_where_no_file_can_be_opened_the_training_goes_on_and_no_empty_directory_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_impossible", True)
    env = RecordFrames(cartpole(), tmp_path / "videos", episode_trigger=always, min_free=0)
    # What drawing loads.
    env.env.reset()
    env.env.render()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The lowest that is free, so that not one more is.
    lowest = os.open("/", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limit[1]))
    try:
        with pytest.warns(RuntimeWarning, match="Too many open files"):
            play(env, 3)
            env.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert jobs(tmp_path / "videos") == []
