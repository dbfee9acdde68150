"""PettingZoo's own environments and API tests, and small environments whose agents end at different times."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from gymnasium.spaces import Discrete
from pettingzoo.classic.rps import rps
from pettingzoo.classic.tictactoe import tictactoe
from pettingzoo.test import api_test, parallel_api_test
from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.env import ParallelEnv

from daddy_encode.dump.pettingzoo import RecordAECFrames, RecordParallelFrames
from daddy_encode.errors import SettingsError
from daddy_encode.spool.png.pixels import Pixels
from tests.dump.reading import annotations_of, assert_same, frame_files, manifest_of, pixels_of


def always(number: int) -> bool:
    return True


class Race(ParallelEnv):  # type: ignore[misc]
    """Agent n reaches its goal in step n + 1, with a reward of 10; each step before costs 1."""

    metadata: ClassVar = {"name": "race_v0", "render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(self, agents: tuple[Any, ...] = ("slow", "slower"), render: Callable[[], Any] | None = None) -> None:
        self.possible_agents = list(agents)
        self.render_mode = "rgb_array"
        self.picture = render

    def observation_space(self, agent: Any) -> Discrete:
        return Discrete(100)

    def action_space(self, agent: Any) -> Discrete:
        return Discrete(2)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.agents, self.steps = self.possible_agents[:], 0
        return dict.fromkeys(self.agents, 0), {agent: {} for agent in self.agents}

    def step(self, actions: dict[Any, Any]) -> Any:
        self.steps += 1
        at_goal = {agent: self.possible_agents.index(agent) < self.steps for agent in self.agents}
        rewards = {agent: 10 if ends else -1 for agent, ends in at_goal.items()}
        result = dict.fromkeys(self.agents, self.steps), rewards, at_goal, dict.fromkeys(self.agents, False)
        self.agents = [agent for agent in self.agents if not at_goal[agent]]
        return (*result, {agent: {} for agent in at_goal})

    def render(self) -> Any:
        if self.picture is not None:
            return self.picture()
        pixels = np.zeros((4, 6, 3), np.uint8)
        pixels[: len(self.agents)] = 40 * self.steps + 1
        return pixels


def play_parallel(env: Any, seen: list[Pixels] | None = None) -> None:
    env.reset(seed=3)
    if seen is not None:
        seen.append(env.render())
    while env.agents:
        env.step(dict.fromkeys(env.agents, 1))
        if seen is not None:
            seen.append(env.render())


def play_aec(env: Any) -> None:
    env.reset(seed=3)
    for _ in env.agent_iter():
        observation, _, terminated, truncated, _ = env.last()
        mask = observation["action_mask"] if isinstance(observation, dict) else [0, 1]
        env.step(None if terminated or truncated else int(np.flatnonzero(mask)[0]))


def test_an_episode_of_a_parallel_environment_is_complete_at_the_step_at_which_no_agent_is_left(tmp_path: Path) -> None:
    env = RecordParallelFrames(Race(), tmp_path, episode_trigger=always, meta={"run": "a"}, video="gif")
    seen: list[Pixels] = []
    play_parallel(env, seen)
    assert not env.recording
    # Only now: the manifest is written while the training goes on.
    env.close()
    job = tmp_path / "rl-video-episode-0"
    assert_same(pixels_of(job), seen)
    manifest = manifest_of(job)
    assert (manifest["frames"], manifest["complete"], manifest["fps"], manifest["video"]) == (3, True, 5, "gif")
    meta = manifest["meta"]
    assert (meta["environment"], meta["agents"], meta["run"]) == ("race_v0", ["slow", "slower"], "a")
    assert meta["return"] == {"slow": 10.0, "slower": 9.0}
    assert meta["terminated"] == {"slow": True, "slower": True}
    assert meta["truncated"] == {"slow": False, "slower": False}
    assert (meta["length"], meta["seed"], meta["episode"], meta["start_step"]) == (2, 3, 0, 0)
    assert annotations_of(job) == [
        {"step": 0},
        {"step": 1, "reward": {"slow": 10, "slower": -1}},
        {"step": 2, "reward": {"slower": 10}},
    ]


def test_where_all_act_before_an_aec_environment_changes_there_is_a_frame_for_each_round(tmp_path: Path) -> None:
    seen: list[Pixels] = []
    play_parallel(Race(("a", "b", "c")), seen)
    env = RecordAECFrames(parallel_to_aec(Race(("a", "b", "c"))), tmp_path, episode_trigger=always)
    for _ in range(2):
        play_aec(env)
    env.close()
    for episode in range(2):
        job = tmp_path / f"rl-video-episode-{episode}"
        assert_same(pixels_of(job), seen)
        meta = manifest_of(job)["meta"]
        assert (meta["return"], meta["length"]) == ({"a": 10.0, "b": 9.0, "c": 8.0}, 3)
        assert (meta["environment"], meta["start_step"]) == ("race_v0", 3 * episode)
    assert [line.get("reward") for line in annotations_of(job)][-2:] == [{"b": 10, "c": -1}, {"c": 10}]


def test_where_agents_take_turns_there_is_a_frame_after_each_ones_step(tmp_path: Path) -> None:
    env = RecordAECFrames(tictactoe.env(render_mode="rgb_array", screen_height=60), tmp_path, episode_trigger=always)
    play_aec(env)
    env.close()
    job = tmp_path / "rl-video-episode-0"
    # Each plays the first free field: the crosses win with their fourth, 0 to 6 are set.
    assert len(frame_files(job)) == 8
    assert len({frame.tobytes() for frame in pixels_of(job)}) == 8
    meta = manifest_of(job)["meta"]
    assert (meta["environment"], meta["length"]) == ("tictactoe_v3", 7)
    assert meta["return"] == {"player_1": 1.0, "player_2": -1.0}


def test_a_recording_without_a_step_has_meta_of_the_same_types(tmp_path: Path) -> None:
    parallel = RecordParallelFrames(Race(), tmp_path / "parallel", episode_trigger=always)
    parallel.reset()
    cycle = RecordAECFrames(parallel_to_aec(Race()), tmp_path / "cycle", episode_trigger=always)
    cycle.reset()
    # In the middle of a round.
    cycle.step(1)
    for env, name in ((parallel, "parallel"), (cycle, "cycle")):
        env.close()
        meta = manifest_of(tmp_path / name / "rl-video-episode-0")["meta"]
        assert (meta["return"], meta["terminated"], meta["truncated"], meta["length"]) == ({}, {}, {}, 0)


def test_a_recording_from_a_step_counts_the_rewards_from_there(tmp_path: Path) -> None:
    env = RecordParallelFrames(Race(), tmp_path, step_trigger=lambda step: step == 1, video_length=2)
    for _ in range(2):
        play_parallel(env)
    env.close()
    (job,) = tmp_path.iterdir()
    assert job.name == "rl-video-step-1"
    meta = manifest_of(job)["meta"]
    # Three pictures: after the second step of the first episode, and of the second one the first two.
    assert (len(frame_files(job)), meta["length"], meta["start_step"]) == (3, 2, 1)
    assert meta["return"] == {"slow": 10.0, "slower": 10.0 - 1.0}


# They complain of the environment.
@pytest.mark.filterwarnings("ignore:Observation:UserWarning")
def test_pettingzoos_own_tests_of_the_two_apis_pass(tmp_path: Path) -> None:
    options: dict[str, Any] = {"render_mode": "rgb_array", "screen_height": 60}
    parallel = RecordParallelFrames(rps.parallel_env(**options), tmp_path / "parallel", episode_trigger=always)
    parallel_api_test(parallel, num_cycles=20)
    parallel.close()
    aec = RecordAECFrames(rps.env(**options), tmp_path / "aec", episode_trigger=always)
    api_test(aec, num_cycles=20)
    aec.close()
    for folder in ("parallel", "aec"):
        manifests = [manifest_of(job) for job in (tmp_path / folder).iterdir()]
        assert manifests
        assert {manifest["meta"]["environment"] for manifest in manifests} == {"rps_v2"}
        # Fifteen rounds, and the first picture.
        assert 16 in [manifest["frames"] for manifest in manifests]


def fail() -> Any:
    raise RuntimeError("no display")


@pytest.mark.parametrize("give", [fail, lambda: None, lambda: {"a": 1}, lambda: np.zeros((4, 4, 3), np.float32)])
def test_what_render_gives_or_raises_ends_a_recording_and_not_the_training(
    give: Callable[[], Any], tmp_path: Path
) -> None:
    for name, record, play, env in (
        ("parallel", RecordParallelFrames, play_parallel, Race(render=give)),
        ("aec", RecordAECFrames, play_aec, parallel_to_aec(Race(render=give))),
    ):
        recorded: Any = record(env, tmp_path / name, episode_trigger=always)
        with pytest.warns(RuntimeWarning, match="this recording has stopped"):
            play(recorded)
        recorded.close()
        assert not recorded.agents
        assert not any((tmp_path / name).rglob("*.png"))


def test_rewards_that_are_no_numbers_and_agents_that_are_no_texts_are_recorded_and_do_no_harm(tmp_path: Path) -> None:
    class Odd(Race):
        def step(self, actions: Any) -> Any:
            observations, _, *rest = super().step(actions)
            return observations, {1: np.float32(2.5), (2, "b"): None}, *rest

    env = RecordParallelFrames(Odd((1, (2, "b"))), tmp_path, episode_trigger=always)
    play_parallel(env)
    env.close()
    job = tmp_path / "rl-video-episode-0"
    assert manifest_of(job)["meta"]["return"] == {"1": 5.0, "(2, 'b')": None}
    assert annotations_of(job)[1]["reward"] == {"1": 2.5, "(2, 'b')": None}


def test_an_environment_that_raises_leaves_a_recording_that_says_so(tmp_path: Path) -> None:
    class Broken(Race):
        def step(self, actions: Any) -> Any:
            raise RuntimeError("diverged")

    for name, record, play, env in (
        ("parallel", RecordParallelFrames, play_parallel, Broken()),
        ("aec", RecordAECFrames, play_aec, parallel_to_aec(Broken())),
    ):
        recorded: Any = record(env, tmp_path / name, episode_trigger=always)
        with pytest.raises(RuntimeError, match="diverged"):
            play(recorded)
        recorded.close()
        manifest = manifest_of(tmp_path / name / "rl-video-episode-0")
        assert (manifest["complete"], "diverged" in manifest["error"]) == (False, True)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_records_nothing_and_the_recording_goes_on(copied: Callable[[Any], Any], tmp_path: Path) -> None:
    for name, record, play, make in (
        ("parallel", RecordParallelFrames, play_parallel, Race),
        ("aec", RecordAECFrames, play_aec, lambda: parallel_to_aec(Race())),
    ):
        env: Any = record(make(), tmp_path / name, episode_trigger=always)
        env.reset()
        copy_of = copied(env)
        assert env.recording
        assert not copy_of.recording
        play(copy_of)
        copy_of.close()
        play(env)
        env.close()
        jobs = sorted((tmp_path / name).iterdir())
        assert [(manifest_of(job)["frames"], manifest_of(job)["complete"]) for job in jobs] == [(1, True), (3, True)]


def test_an_environment_of_the_other_kind_or_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="RecordParallelFrames"):
        RecordAECFrames(Race(), tmp_path)
    with pytest.raises(SettingsError, match="RecordAECFrames"):
        RecordParallelFrames(parallel_to_aec(Race()), tmp_path)
    with pytest.raises(SettingsError, match="such as rgb_array"):
        RecordParallelFrames(rps.parallel_env(), tmp_path)
