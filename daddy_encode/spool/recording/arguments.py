"""What a recorder may be asked for."""

from __future__ import annotations

from daddy_encode.errors import SettingsError
from daddy_encode.spool.recording.frame_store import CONTAINERS

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "video": (None, "mp4", "gif", "both"),
    "when_full": ("block", "drop"),
    "on_error": ("raise", "stop"),
    "container": CONTAINERS,
}
_LEAST = {"workers": 1, "max_bytes": 1, "min_free": 0}


def check_arguments(**values: str | int | None) -> None:
    """Raise SettingsError for a value that the argument cannot have."""
    for name, value in values.items():
        if name in _CHOICES and value not in _CHOICES[name]:
            raise SettingsError(f"{name} is {value!r:.60}: give {', '.join(map(repr, _CHOICES[name]))}")
        if isinstance(value, int) and value < _LEAST[name]:
            raise SettingsError(f"{name} is {value!r:.60}: give {_LEAST[name]} or more")
