"""What a rollout said of itself: where it is found, and its `meta` as the gallery shows it, flat and bounded."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from daddy_encode.errors import ManifestError, cut, one_line
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME, Manifest, kept_error
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.recording.rollout import Rollout
from daddy_encode.spool.records import read_record

MOST_KEYS = 64
LONGEST_KEY = 100
LONGEST_TEXT = 300
# Of all keys and texts of one job: thousands of jobs are in one page.
MOST_CHARACTERS = 8000
DEEPEST = 8
# A list with no more is shown as a text.
MOST_ITEMS = 16
# A browser's numbers are exact up to here; a larger one, such as a seed, is shown as a text.
LARGEST_EXACT = 2**53
# What people look for, by whatever names libraries give it, in small letters: the page's own guesses are among them.
_RETURNS = ("return", "episode_return", "episode.return", "episode.r", "total_reward", "reward")
_LENGTHS = ("length", "episode_length", "episode.length", "episode.l", "steps")
_TASKS = ("environment", "env", "env_id", "env_name", "environment_id", "game", "scene", "level", "task", "task_name")
_SETS = ("instruction", "benchmark", "suite", "dataset")
_STEPS = ("step", "global_step", "training_step", "train_step", "start_step", "env_step", "env_steps", "total_steps")
_TIMES = ("total_timesteps", "num_timesteps", "timestep", "timesteps", "iteration", "update", "checkpoint", "epoch")
_AGENTS = ("policy", "policy_name", "algorithm", "algo", "agent", "model", "method", "variant", "run", "experiment")
_ENDS = ("success", "is_success", "succeeded", "successful", "solved", "terminated", "truncated")
KNOWN = frozenset(
    (*_RETURNS, *_LENGTHS, "seed", "episode_seed", "episode", *_TASKS, *_SETS, *_STEPS, *_TIMES, *_AGENTS, *_ENDS)
)


class RolloutFacts(NamedTuple):
    """What the rollout of a job said of itself.

    Attributes:
        meta: Its own values.
        error: Why it ended early; None where it did not, or nobody knows.
    """

    meta: Mapping[str, Any]
    error: str | None


def facts_of(receipt: Receipt, directory: Path, names: Collection[str] = (MANIFEST_NAME, ROLLOUT_NAME)) -> RolloutFacts:
    """What the rollout of a job said: as its receipt has it, or where that has nothing, the records there.

    These count only where they are of the recording that the receipt is about.

    Args:
        receipt: The job's.
        directory: Of its frames.
        names: What may be in that; of these, the two records are looked for. Default: both may be.
    """
    meta, error = receipt.meta, receipt.rollout_error
    if meta is not None and (error is not None or not (receipt.partial or receipt.salvaged)):
        return RolloutFacts(meta, error)
    digest = receipt.source.manifest_sha256
    # Where nothing was encoded, what is there is what should have been.
    is_any = not receipt.source.sha256
    with contextlib.suppress(ManifestError):
        if MANIFEST_NAME in names and (found := read_record(directory / MANIFEST_NAME, Manifest)) is not None:
            if is_any or hashlib.sha256(found[1]).hexdigest() == digest:
                return RolloutFacts(found[0].meta if meta is None else meta, error or kept_error(found[0]))
        elif ROLLOUT_NAME in names and meta is None:
            rollout = read_record(directory / ROLLOUT_NAME, Rollout)
            meta = rollout[0].meta if rollout is not None else None
    return RolloutFacts(meta or {}, error)


def flat_meta(meta: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """The first of what `flatten` gives."""
    return flatten(meta)[0]


def flatten(meta: Mapping[str, Any]) -> tuple[dict[str, str | int | float | bool], int]:
    """The numbers, texts and truth values in `meta` by their paths: `{"a": {"b": 1}}` is `{"a.b": 1}`.

    Well-known names come first, then those that are not nested, then the others, the less deep ones before the deeper
    ones. A short list of these is a text. What is null, NaN or too deep is left out, as is what is beyond MOST_KEYS,
    LONGEST_KEY or MOST_CHARACTERS; a text is cut after LONGEST_TEXT characters.

    Returns:
        These, and how many more there are that have no place.
    """
    known: list[tuple[str, Any]] = []
    others: list[tuple[str, Any]] = []
    left_out = 0
    for path, name, value in _values(meta):
        if len(path) > LONGEST_KEY:
            left_out += 1
        else:
            is_known = name.lower() in KNOWN or path.lower() in KNOWN
            (known if is_known else others).append((path, value))
    flat: dict[str, str | int | float | bool] = {}
    characters = 0
    for path, value in chain(known, others):
        if len(flat) >= MOST_KEYS:
            left_out += 1
            continue
        key, shown = one_line(path), _shown(value)
        if key in flat:
            continue
        size = len(key) + (len(shown) if isinstance(shown, str) else 8)
        if len(key) > LONGEST_KEY or characters + size > MOST_CHARACTERS:
            left_out += 1
            continue
        characters += size
        flat[key] = shown
    return flat, left_out


def means_of(meta: Mapping[str, Any]) -> dict[str, tuple[float, int]]:
    """Of each return or length that is a list of numbers: their mean, and how many they are.

    So has one recording of several environments an episode of each. What is null or NaN in a list is passed over.
    """
    means = {}
    for path, _, value in _values(meta, lists=True):
        if path in _RETURNS or path in _LENGTHS:
            numbers = [item for item in value if item is not None]
            if all(type(item) in (int, float) for item in numbers):
                numbers = [item for item in numbers if _is_shown(item)]
                if numbers:
                    mean = math.fsum(numbers) / len(numbers)
                    means[path] = (int(mean) if mean.is_integer() else mean, len(numbers))
    return means


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """`text` on one printable line of at most so many characters, an ellipsis the last where it was cut."""
    # Only so much: to look through a text of megabytes takes long.
    return cut(one_line(text[: longest + 1]), longest)


def _values(meta: Mapping[str, Any], *, lists: bool = False) -> Iterator[tuple[str, str, Any]]:
    """Yield path, name and value of all that can be shown, or only of all lists; those first that are less deep."""
    level: list[tuple[str, Mapping[str, Any]]] = [("", meta)]
    for _ in range(DEEPEST):
        deeper: list[tuple[str, Mapping[str, Any]]] = []
        for before, values in level:
            for name, value in values.items():
                # Of a name that is too long nothing is shown: no path need be longer.
                path = before + name[: LONGEST_KEY + 1]
                if not name:
                    continue
                if isinstance(value, Mapping):
                    if len(path) <= LONGEST_KEY:
                        deeper.append((f"{path}.", value))
                elif isinstance(value, list) if lists else _is_shown(value):
                    yield path, name, value
        level = deeper


def _is_shown(value: Any) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= MOST_ITEMS and all(isinstance(item, str | int | float) for item in value)
    if isinstance(value, float):
        # NaN and the infinities are no numbers in JSON.
        return value - value == 0
    # Whoever reads more digits than these?
    return isinstance(value, str) or (isinstance(value, int) and value.bit_length() < 1024)


def _shown(value: Any) -> str | int | float | bool:
    """A value for which `_is_shown` holds."""
    if isinstance(value, list):
        return shortened(", ".join(str(_shown(item) if _is_shown(item) else None) for item in value))
    if isinstance(value, bool | float) or (isinstance(value, int) and -LARGEST_EXACT <= value <= LARGEST_EXACT):
        return value
    return shortened(str(value))
