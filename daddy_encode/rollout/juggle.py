"""Juggle: three balls, one paddle, gravity. A small environment with Gymnasium's interface, rendered with numpy only.

The same seed and actions give the same pixels on every machine; `picture` says why.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from daddy_encode.rollout.picture import Colour, Picture, Pixels, horizontal_bands

# Lengths in pixels, times in frames.
WIDTH, HEIGHT = 320, 240
BALLS: tuple[tuple[float, Colour], ...] = ((13.0, (255, 107, 107)), (11.0, (255, 214, 80)), (9.0, (88, 224, 176)))
LIVES = 8
PADDLE_Y, PADDLE_HALF, PADDLE_RADIUS = 216.0, 30.0, 5.0
# Actions accelerate the paddle, so that a random policy moves it in sweeps instead of trembling.
PUSH, FRICTION = 1.5, 0.94
GRAVITY = 0.24
# Rises 169 pixels, into the upper quarter of the picture; a small ball hit by a larger one reaches the ceiling.
THROW_SPEED = 9.0
MAX_SIDEWAYS_SPEED = 4.0
# At 20 pixels per frame nothing moves more than 5 pixels, half a small ball, between two collision checks.
STEPS_PER_FRAME = 4
TRAIL_LENGTH = 7

SKY: tuple[Colour, ...] = ((24, 26, 56), (33, 34, 72), (44, 42, 88), (58, 50, 102))
WHITE: Colour = (240, 240, 250)
DIM: Colour = (84, 80, 130)

Observation = npt.NDArray[np.float32]


@dataclass
class _Ball:
    radius: float
    colour: Colour
    x: float = 0.0
    y: float = 0.0
    vx: float = 0.0
    vy: float = 0.0
    trail: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=TRAIL_LENGTH))

    @property
    def mass(self) -> float:
        return self.radius * self.radius


class Actions:
    """The action space, as Gymnasium's Discrete(3): 0 pushes left, 1 does nothing, 2 pushes right."""

    n = 3

    def __init__(self) -> None:
        self.seed(0)

    def seed(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def sample(self) -> int:
        return int(self._random.random() * self.n)


class Juggle:
    """Keep three balls in the air with one paddle.

    Observation, float32 (14,): x and speed of the paddle, then x, y, x speed and y speed of each ball; positions as
    fractions of the width (x) and height (y) of the picture, speeds in tens of pixels per frame.
    Action: 0 pushes the paddle left, 1 does nothing, 2 pushes it right.
    Reward: +1 for each ball caught, -1 for each ball dropped, which is thrown in again.
    The episode terminates after 8 dropped balls; it is never truncated.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self) -> None:
        self.action_space = Actions()
        self._background = horizontal_bands(WIDTH, HEIGHT, SKY)
        self.reset(seed=0)

    def reset(self, *, seed: int) -> tuple[Observation, dict[str, Any]]:
        """Start a new episode: observation, info. It depends only on `seed` and the actions that follow."""
        self._random = np.random.default_rng(seed)
        self._paddle = WIDTH / 2
        self._speed = 0.0
        self._caught = 0
        self._lives = LIVES
        self._paddle_colour: Colour = WHITE
        self._balls = [_Ball(radius, colour) for radius, colour in BALLS]
        for index, ball in enumerate(self._balls):
            self._throw_in(ball)
            # Staggered, or all would come down at the same time.
            ball.x = WIDTH * (index + 0.5 + 0.6 * (self._random.random() - 0.5)) / len(self._balls)
            ball.y = 30.0 + 55.0 * (index + self._random.random() * 0.5)
        return self._observation(), self._info()

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Advance by one frame: observation, reward, terminated, truncated (always False), info.

        Raises:
            ValueError: `action` is not 0, 1 or 2.
        """
        push = int(action) - 1
        if push not in (-1, 0, 1):
            raise ValueError(f"action {action!r} is not 0, 1 or 2")
        self._speed = (self._speed + PUSH * push) * FRICTION
        reward = 0
        for ball in self._balls:
            ball.trail.append((ball.x, ball.y))
        for _ in range(STEPS_PER_FRAME):
            reward += self._advance(1.0 / STEPS_PER_FRAME)
        return self._observation(), float(reward), self._lives <= 0, False, self._info()

    def render(self) -> Pixels:
        """Render the current state: a new array, uint8 (240, 320, 3)."""
        picture = Picture(self._background)
        for ball in self._balls:
            for age, (x, y) in enumerate(reversed(ball.trail), start=1):
                picture.disc(x, y, ball.radius * (1.0 - age / (TRAIL_LENGTH + 2.0)), ball.colour, opacity=1)
        picture.bar(
            self._paddle - PADDLE_HALF, self._paddle + PADDLE_HALF, PADDLE_Y, PADDLE_RADIUS, self._paddle_colour
        )
        for ball in self._balls:
            picture.disc(ball.x, ball.y, ball.radius, ball.colour)
            # A highlight at the upper left, without smooth edges: the ball covers more of the pixels there.
            picture.disc(ball.x - 0.3 * ball.radius, ball.y - 0.35 * ball.radius, 0.28 * ball.radius, WHITE)
        picture.number(self._caught, 10, 10, 3, WHITE)
        for life in range(LIVES):
            picture.disc(WIDTH - 14 - 11 * life, 17, 3.5, WHITE if life < self._lives else DIM)
        return picture.pixels()

    def close(self) -> None:
        """Do nothing; part of Gymnasium's interface."""

    def _throw_in(self, ball: _Ball) -> None:
        ball.x = WIDTH * (0.2 + 0.6 * self._random.random())
        ball.y = -ball.radius
        ball.vx = 3.0 * (self._random.random() - 0.5)
        ball.vy = 0.0
        ball.trail.clear()

    def _advance(self, time: float) -> int:
        """Move everything by `time` frames and return the reward."""
        self._paddle += self._speed * time
        reach = PADDLE_HALF + PADDLE_RADIUS
        if not reach <= self._paddle <= WIDTH - reach:
            self._paddle = min(max(self._paddle, reach), WIDTH - reach)
            self._speed = 0.0
        reward = 0
        for index, ball in enumerate(self._balls):
            ball.vy += GRAVITY * time
            ball.x += ball.vx * time
            ball.y += ball.vy * time
            self._bounce_off_walls(ball)
            for other in self._balls[:index]:
                _collide(ball, other)
            if self._meets_paddle(ball):
                ball.vy = -THROW_SPEED
                steered = ball.vx + 0.06 * (ball.x - self._paddle) + 0.2 * self._speed
                ball.vx = min(max(steered, -MAX_SIDEWAYS_SPEED), MAX_SIDEWAYS_SPEED)
                self._paddle_colour = ball.colour
                self._caught += 1
                reward += 1
            elif ball.y - ball.radius > HEIGHT:
                self._throw_in(ball)
                self._lives -= 1
                reward -= 1
        return reward

    def _meets_paddle(self, ball: _Ball) -> bool:
        level = PADDLE_Y - PADDLE_RADIUS - ball.radius
        # Only from above: a ball that is already beside the paddle is lost.
        above = level <= ball.y <= level + ball.radius
        return ball.vy > 0 and above and abs(ball.x - self._paddle) <= PADDLE_HALF + 0.7 * ball.radius

    @staticmethod
    def _bounce_off_walls(ball: _Ball) -> None:
        if ball.x < ball.radius:
            ball.x, ball.vx = ball.radius, abs(ball.vx)
        elif ball.x > WIDTH - ball.radius:
            ball.x, ball.vx = WIDTH - ball.radius, -abs(ball.vx)
        if ball.y < ball.radius and ball.vy < 0:
            ball.y, ball.vy = ball.radius, -ball.vy

    def _observation(self) -> Observation:
        values = [self._paddle / WIDTH, self._speed / 10]
        for ball in self._balls:
            values += [ball.x / WIDTH, ball.y / HEIGHT, ball.vx / 10, ball.vy / 10]
        return np.array(values, np.float32)

    def _info(self) -> dict[str, Any]:
        return {"caught": self._caught, "lives": self._lives}


def _collide(one: _Ball, other: _Ball) -> None:
    """An elastic collision if the two touch and approach: momentum and energy are conserved."""
    dx, dy = other.x - one.x, other.y - one.y
    reach = one.radius + other.radius
    squared = dx * dx + dy * dy
    if squared >= reach * reach or squared == 0.0:
        return
    distance = sqrt(squared)
    nx, ny = dx / distance, dy / distance
    mass = one.mass + other.mass
    # Separate them first; the lighter one moves further.
    overlap = reach - distance
    one.x -= nx * overlap * other.mass / mass
    one.y -= ny * overlap * other.mass / mass
    other.x += nx * overlap * one.mass / mass
    other.y += ny * overlap * one.mass / mass
    approach = (one.vx - other.vx) * nx + (one.vy - other.vy) * ny
    if approach <= 0.0:
        return
    one.vx -= 2.0 * other.mass / mass * approach * nx
    one.vy -= 2.0 * other.mass / mass * approach * ny
    other.vx += 2.0 * one.mass / mass * approach * nx
    other.vy += 2.0 * one.mass / mass * approach * ny
