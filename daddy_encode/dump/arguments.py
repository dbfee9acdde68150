"""What a FrameWriter may be told."""

from __future__ import annotations

from daddy_encode.errors import SettingsError

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "video": (None, "mp4", "gif", "both"),
    "when_full": ("block", "drop"),
    "on_error": ("raise", "stop"),
}
_LEAST = {"workers": 1, "max_bytes": 1, "min_free": 0}


def check_choices(**values: str | None) -> None:
    """Raise SettingsError for a value that is none of its argument's."""
    for name, value in values.items():
        if value not in _CHOICES[name]:
            raise SettingsError(f"{name} is {value!r:.60}: give {', '.join(map(repr, _CHOICES[name]))}")


def check_numbers(**values: int | None) -> None:
    """Raise SettingsError for a number that is too small; None is no number, and good."""
    for name, value in values.items():
        if value is not None and value < _LEAST[name]:
            raise SettingsError(f"{name} is {value!r:.60}: give {_LEAST[name]} or more")
