"""The command that a rollout hands over to the encoder."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from daddy_encode.rollout.command import encode_options, printed_command, python_command


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        ({}, []),
        ({"DADDY_ENCODE_CRF": "18"}, []),
        ({"DADDY_ENCODE_VIDEO": "mp4"}, ["--video=gif"]),
        ({"DADDY_ENCODE_VIDEO": "mp4", "DADDY_ENCODE_VIDEO_FPS": "60"}, ["--video=gif", "--video-fps=10"]),
    ],
)
def test_the_command_says_what_the_environment_would_change(environ: dict[str, str], options: list[str]) -> None:
    given = encode_options("gif", "10", environ)
    assert given == options
    for words in (python_command(Path("/run"), given), shlex.split(printed_command(Path("/run"), given))):
        assert words[-2 - len(options) :] == ["encode", "/run", *options]


def test_what_the_rollout_was_not_told_the_environment_says() -> None:
    assert encode_options(None, None, {"DADDY_ENCODE_VIDEO": "mp4", "DADDY_ENCODE_VIDEO_FPS": "60"}) == []
