"""Loading environments and policies by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from daddy_encode.errors import SettingsError
from daddy_encode.rollout.juggle import Juggle

BUILT_IN = "Juggle"

# Maps an observation to an action.
Policy = Callable[[Any], Any]


def make_environment(env_id: str) -> Any:
    """Make an environment that renders RGB arrays.

    Args:
        env_id: "Juggle", the built-in environment, or any Gymnasium ID, also as "module:ID".

    Raises:
        SettingsError: There is no such environment, or it cannot be constructed.
    """
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
        raise SettingsError(
            f"--env {env_id} needs the module {error.name}, which is not installed: pip install it"
        ) from error
    except Exception as error:  # a constructor may raise anything
        raise SettingsError(f"--env {env_id} cannot be constructed: {type(error).__name__}: {error}") from error


def load_policy(name: str) -> Policy:
    """Import the policy `name`, such as "my_policy:act".

    Raises:
        SettingsError: `name` is not of the form MODULE:CALLABLE, or there is no such callable.
    """
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        raise SettingsError(f"--policy {name}: expected MODULE:CALLABLE, such as my_policy:act")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # an import runs user code
        raise SettingsError(f"--policy {name}: cannot import {module_name}: {type(error).__name__}: {error}") from error
    try:
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except AttributeError as error:
        raise SettingsError(f"--policy {name}: {error}") from error
    if not callable(found):
        raise SettingsError(f"--policy {name}: {path} is not callable but of type {type(found).__name__}")
    policy: Policy = found
    return policy
