"""Real rollouts to measure on, rendered once by seed and kept in the user's cache folder, and dumps of them.

MuJoCo needs the Debian package libosmesa6 (MUJOCO_GL=osmesa) and the extra `bench`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from daddy_encode import save_frames_as_png


@dataclass(frozen=True)
class Clip:
    """A rollout with random actions.

    Attributes:
        environment: Its name in Gymnasium.
        frames: How many.
        width: In pixels.
        height: In pixels.
        options: For `gymnasium.make`.
    """

    environment: str
    frames: int
    width: int
    height: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


CLIPS = {
    "breakout": Clip("ALE/Breakout-v5", 600, 160, 210),
    "cartpole": Clip("CartPole-v1", 300, 600, 400),
    "cheetah": Clip("HalfCheetah-v5", 300, 480, 480, {"width": 480, "height": 480}),
    "humanoid": Clip("Humanoid-v5", 240, 1280, 720, {"width": 1280, "height": 720}),
    "humanoid360": Clip("Humanoid-v5", 240, 640, 360, {"width": 640, "height": 360}),
}
SEED = 1
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daddy-encode-benchmarks"
WRITERS = ("ours", "Pillow's")


def clip(name: str) -> npt.NDArray[np.uint8]:
    """The frames of the clip `name` (a key of CLIPS), uint8 (T, H, W, 3), memory-mapped read-only."""
    described = CLIPS[name]
    path = _cached(name)
    frames = _whole(path, described)
    if frames is None:
        try:
            rendered = _render(described)
        except Exception as error:
            said = f"{described.environment} cannot be rendered: {type(error).__name__}: {error}".splitlines()[0]
            raise SystemExit(
                f"{said}: pip install -e '.[bench]', and for MuJoCo the Debian package libosmesa6"
            ) from error
        CACHE.mkdir(parents=True, exist_ok=True)
        # Removed with all that it holds, however this ends.
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            np.save(Path(folder) / path.name, rendered)
            os.replace(Path(folder) / path.name, path)
        frames = _whole(path, described)
        assert frames is not None, path
    return frames


def packages() -> tuple[str, ...]:
    """What has to be imported to render the clips that are not in the cache."""
    environments = [clip.environment for name, clip in CLIPS.items() if _whole(_cached(name), clip) is None]
    return tuple(
        package
        for package, is_needed in (
            ("gymnasium", environments),
            ("ale_py", any(name.startswith("ALE/") for name in environments)),
            ("mujoco", any(name.startswith(("HalfCheetah", "Humanoid")) for name in environments)),
        )
        if is_needed
    )


def _cached(name: str) -> Path:
    described = CLIPS[name]
    return CACHE / f"{name}-{described.size}-{described.frames}-seed{SEED}.npy"


def _whole(path: Path, described: Clip) -> npt.NDArray[np.uint8] | None:
    """What the cache has of a clip; None where that is nothing, or not the whole clip."""
    try:
        frames: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r")
    except (OSError, EOFError, ValueError):
        return None
    is_whole = frames.dtype == np.uint8 and frames.shape == (described.frames, described.height, described.width, 3)
    return frames if is_whole else None


def cycled(name: str, count: int, first: int = 0) -> Iterator[npt.NDArray[np.uint8]]:
    """`count` frames of the clip `name` from its frame `first` on, over and over, each an array of its own."""
    frames = clip(name)
    for index in range(first, first + count):
        yield np.array(frames[index % len(frames)])


def dump(directory: Path, name: str, count: int | None = None, *, writer: str = "ours", first: int = 0) -> Path:
    """A dump of a clip, by `save_frames_as_png` or as Pillow's `save` writes it, 30 fps.

    Args:
        directory: Made, unless it is there already.
        name: The clip.
        count: How many frames; over and over where it is more than the clip has. Default: the clip.
        writer: One of WRITERS. Default: ours.
        first: The clip's frame that comes first.

    Returns:
        `directory`.
    """
    if directory.exists():
        return directory
    frames = cycled(name, count or CLIPS[name].frames, first)
    if writer == "ours":
        save_frames_as_png(frames, directory)
    else:
        from PIL import Image

        directory.mkdir(parents=True)
        for index, frame in enumerate(frames):
            Image.fromarray(frame).save(directory / f"{index:06d}.png")
    return directory


def _render(described: Clip) -> npt.NDArray[np.uint8]:
    os.environ.setdefault("MUJOCO_GL", "osmesa")
    import gymnasium

    if described.environment.startswith("ALE/"):
        import ale_py

        gymnasium.register_envs(ale_py)
    env = gymnasium.make(described.environment, render_mode="rgb_array", **described.options)
    env.reset(seed=SEED)
    env.action_space.seed(SEED)
    frames = []
    for _ in range(described.frames):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        frames.append(np.asarray(env.render(), np.uint8))
        if terminated or truncated:
            env.reset()
    env.close()
    return np.stack(frames)
