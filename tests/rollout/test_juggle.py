from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from daddy_encode.rollout.juggle import BALLS, HEIGHT, PADDLE_Y, WIDTH, Juggle
from daddy_encode.spool.png.pixels import Pixels

CHECKOUT = Path(__file__).parents[2]

# Prints the SHA-256 of the pixels of an episode.
DIGEST = """
import hashlib
from daddy_encode.rollout.juggle import Juggle
environment = Juggle()
environment.reset(seed=7)
environment.action_space.seed(7)
pixels = hashlib.sha256()
for _ in range(120):
    pixels.update(environment.render().tobytes())
    environment.step(environment.action_space.sample())
print(pixels.hexdigest())
"""
# The same on x86-64 with numpy 1.24.4 and 2.4.6. A change of the game or its rendering changes it: update it then.
PIXELS = "0a3e7dd40421ad227df48c15404d18ec8f356d85b5d0ae33c1187e8c08bc1b59"


def episode(
    seed: int, policy: Any = None, max_steps: int = 2000, *, render: bool = True
) -> tuple[list[Pixels], list[float]]:
    """The pictures and rewards of one episode, with random actions if there is no policy."""
    environment = Juggle()
    observation, _ = environment.reset(seed=seed)
    environment.action_space.seed(seed)
    pictures, rewards = [environment.render()] if render else [], []
    for _ in range(max_steps):
        action = environment.action_space.sample() if policy is None else policy(observation)
        observation, reward, terminated, _, _ = environment.step(action)
        if render:
            pictures.append(environment.render())
        rewards.append(reward)
        if terminated:
            break
    return pictures, rewards


def follow(observation: npt.NDArray[np.float32]) -> int:
    """Push towards the lowest falling ball."""
    balls = observation[2:].reshape(-1, 4)
    falling = balls[balls[:, 3] > 0]
    if len(falling) == 0:
        return 1
    ahead = falling[falling[:, 1].argmax(), 0] - observation[0] - 0.2 * observation[1]
    return 2 if ahead > 0.03 else 0 if ahead < -0.03 else 1


def centre(picture: Pixels, colour: tuple[int, int, int]) -> tuple[float, float] | None:
    """The centre (x, y) of the ball of `colour` above the paddle; None if it is not visible."""
    rows, columns = np.nonzero((picture[: int(PADDLE_Y) - 6] == colour).all(axis=2))
    return (float(columns.mean()), float(rows.mean())) if len(rows) else None


def test_a_picture_is_rgb_in_an_array_that_the_environment_does_not_reuse() -> None:
    environment = Juggle()
    first = environment.render()
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    kept = first.copy()
    environment.step(2)
    environment.render()
    assert (first == kept).all()


# The feature names of numpy 2.4 and of earlier versions; unknown ones are ignored.
@pytest.mark.parametrize("disabled", ["", "X86_V3 X86_V4 AVX512F AVX512_SKX AVX2 FMA3"])
def test_the_same_seed_gives_the_same_pixels_everywhere_also_on_older_processors(disabled: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIGEST],
        cwd=CHECKOUT,
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": disabled},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{PIXELS}\n"


def test_another_seed_gives_another_episode() -> None:
    assert (episode(1, max_steps=1)[0][0] != episode(2, max_steps=1)[0][0]).any()


def test_a_reset_forgets_the_episode_before() -> None:
    environment = Juggle()
    fresh = environment.reset(seed=3)[0]
    picture = environment.render()
    for _ in range(50):
        environment.step(2)
    assert (environment.reset(seed=3)[0] == fresh).all()
    assert (environment.render() == picture).all()


def test_every_ball_and_the_paddle_move() -> None:
    pictures, _ = episode(0, max_steps=20)
    for _, colour in BALLS:
        before, after = centre(pictures[0], colour), centre(pictures[20], colour)
        assert before is not None
        assert after is not None
        assert abs(after[0] - before[0]) + abs(after[1] - before[1]) > 5
    row = int(PADDLE_Y)
    assert (pictures[0][row] != pictures[20][row]).any()


def test_balls_fall_and_bounce_up_from_the_paddle() -> None:
    environment = Juggle()
    observation, _ = environment.reset(seed=0)
    reward = 0.0
    while reward != 1.0:
        before = observation
        observation, reward, _, _, _ = environment.step(follow(observation))
    speeds = np.stack([before[2:].reshape(-1, 4)[:, 3], observation[2:].reshape(-1, 4)[:, 3]])
    thrown = int(np.argmin(speeds[1]))
    assert speeds[0, thrown] > 0
    assert speeds[1, thrown] < -0.8


def test_balls_never_leave_by_a_wall() -> None:
    environment = Juggle()
    observation, _ = environment.reset(seed=5)
    for _ in range(500):
        observation, _, terminated, _, _ = environment.step(follow(observation))
        balls = observation[2:].reshape(-1, 4)
        assert ((balls[:, 0] > 0.02) & (balls[:, 0] < 0.98)).all()
        assert (np.abs(balls[:, 2:]) < 2).all()
        if terminated:
            break


def test_a_catch_gives_1_a_drop_costs_1_and_eight_drops_end_the_episode() -> None:
    _, rewards = episode(0, render=False)
    assert {1.0, -1.0} <= set(rewards) <= {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert sum(reward < 0 for reward in rewards) in (7, 8)
    assert len(rewards) < 1000


def test_a_policy_that_follows_the_balls_catches_more_than_chance() -> None:
    chance = sum(sum(episode(seed, max_steps=300, render=False)[1]) for seed in range(3))
    skill = sum(sum(episode(seed, follow, max_steps=300, render=False)[1]) for seed in range(3))
    assert skill > chance + 15


def test_a_clip_has_few_enough_colours_for_an_exact_gif_and_balls_stand_out() -> None:
    pictures, _ = episode(0)
    packed = (picture.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32) for picture in pictures)
    assert 20 < len(set().union(*(np.unique(colours).tolist() for colours in packed))) <= 128
    sky = pictures[0][::20, ::20].reshape(-1, 3).astype(int)
    for _, colour in BALLS:
        assert np.median(np.abs(sky - np.array(colour)).sum(axis=1)) > 200


@pytest.mark.parametrize("action", [-1, 3])
def test_an_action_that_does_not_exist_is_refused(action: int) -> None:
    with pytest.raises(ValueError, match="is not 0, 1 or 2"):
        Juggle().step(action)
