"""Environments and policies by the names that a user gives them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from daddy_encode.errors import SettingsError
from daddy_encode.rollout.juggle import Juggle

BUILT_IN = "Juggle"

# From an observation to an action.
Policy = Callable[[Any], Any]


def make_environment(env_id: str) -> Any:
    """The built-in environment, or Gymnasium's `env_id` drawing arrays. Raises SettingsError where there is none."""
    if env_id == BUILT_IN:
        return Juggle()
    try:
        import gymnasium
    except ImportError as error:
        raise SettingsError(
            f"--env {env_id} needs Gymnasium: pip install 'daddy-encode[gym]', or leave --env out"
        ) from error
    try:
        if env_id.startswith("ALE/"):
            gymnasium.register_envs(importlib.import_module("ale_py"))
        return gymnasium.make(env_id, render_mode="rgb_array")
    except ModuleNotFoundError as error:
        raise SettingsError(f"--env {env_id} needs the module {error.name}, which is not installed") from error
    except Exception as error:  # whatever an environment's constructor raises
        raise SettingsError(f"--env {env_id} cannot be made: {type(error).__name__}: {error}") from error


def load_policy(name: str) -> Policy:
    """The callable that `name`, "module:callable", stands for. Raises SettingsError where there is none."""
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        raise SettingsError(f"--policy {name}: give it as MODULE:CALLABLE, such as my_policy:act")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # an import runs the user's code
        raise SettingsError(f"--policy {name}: cannot import {module_name}: {type(error).__name__}: {error}") from error
    try:
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except AttributeError as error:
        raise SettingsError(f"--policy {name}: {error}") from error
    if not callable(found):
        raise SettingsError(f"--policy {name}: {path} is a {type(found).__name__}, which cannot be called")
    policy: Policy = found
    return policy
