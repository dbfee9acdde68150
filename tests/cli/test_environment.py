"""Options from the environment: given as on the command line, which comes first, under one name for all commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from daddy_encode import save_frames_as_png
from daddy_encode.cli.main import COMMANDS, group
from tests.media import decode_mp4, moving_square, run_command


def invoked(*arguments: str | Path, **environment: str) -> Any:
    """The result of `daddy-encode` in this process."""
    runner = CliRunner(env={f"DADDY_ENCODE_{name}": value for name, value in environment.items()})
    return runner.invoke(group, [str(argument) for argument in arguments], standalone_mode=False)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    save_frames_as_png(moving_square(2, 12, 16), tmp_path / "ep")
    return tmp_path / "ep"


def test_an_option_from_the_environment_is_given_and_the_command_line_comes_first(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SCALE": "3", "JSON": "true", "VIDEO": "both", "GIF_OPTIMIZE": "0"}.items():
        monkeypatch.setenv(f"DADDY_ENCODE_{name}", value)
    told = run_command("encode", job, "--video", "mp4")
    assert (told.returncode, json.loads(told.stdout)["format"]) == (0, "mp4"), told.stderr
    assert decode_mp4(job.parent / "ep.mp4", 48, 36).shape[0] == 2
    assert not (job.parent / "ep.gif").exists()
    # It is given, so it makes anew what was made with another.
    monkeypatch.setenv("DADDY_ENCODE_SCALE", "2")
    assert "replaces ep.mp4 made with scale 3" in run_command("encode", job, "--video", "mp4").stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CRF", "99", "DADDY_ENCODE_CRF: 99 is not in the range"),
        ("GIF_OPTIMIZE", "maybe", "DADDY_ENCODE_GIF_OPTIMIZE: 'maybe' is not a valid boolean"),
        ("VIDEO_FPS", "abc", "DADDY_ENCODE_VIDEO_FPS: 'abc' is not a rate: "),
        ("BACKGROUND", "red", "DADDY_ENCODE_BACKGROUND: 'red' is not a colour in six hexadecimal digits"),
    ],
)
@pytest.mark.parametrize("command", ["encode", "watch", "submit"])
def test_a_wrong_value_is_an_error_that_names_its_variable(
    job: Path, command: str, name: str, value: str, words: str
) -> None:
    result = invoked(command, job, "--preset", "slow", **{name: value, "LOOP": "3"})
    error = result.exception
    text = error.format_message() if isinstance(error, click.UsageError) else str(error)
    assert re.search(words, text), text
    assert "LOOP" not in text


def test_what_is_wrong_later_names_the_variable_that_has_that_value(job: Path) -> None:
    text = str(invoked("encode", job, TRUST_OWNER="no-such-user", LOOP="3").exception)
    assert text.endswith(" (from the environment: DADDY_ENCODE_TRUST_OWNER)")


def test_a_file_on_the_command_line_comes_before_what_contradicts_it_and_has_no_variable(job: Path) -> None:
    file = job.parent / "x.gif"
    result = invoked("encode", job, "-o", file, "--dry-run", VIDEO="mp4", OUTPUT_DIR="out", OUTPUT=str(job / "no.avi"))
    assert (result.exception, "would save" in result.stdout, str(file.name) in result.stdout) == (None, True, True)
    assert "a.mp4" not in invoked("encode", job, "--dry-run", OUTPUT="a.mp4").stdout
    wrong = invoked("encode", job, "-o", "x.avi", LOOP="3").exception
    assert "environment" not in str(wrong)


def test_what_is_said_each_time_has_no_variable_in_any_command() -> None:
    context = click.Context(group)
    options = [
        option
        for name in COMMANDS
        for option in getattr(group.get_command(context, name), "params", ())
        if {"--output", "--from", "--mark", "--dry-run", "--yes"} & set(option.opts)
    ]
    assert len(options) >= 16
    assert [option.opts for option in options if option.envvar is not None] == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--background", "red", "'red' is not a colour in six hexadecimal digits, RRGGBB"),
        ("--gif-fps", "0", "'0' is outside 0.01 to 1000"),
        ("--gif-fps", "60", "60 is above 50"),
        ("--video-fps", "abc", "'abc' is not a rate"),
        ("--depth", "9:3", "'9:3' is neither auto nor MIN:MAX"),
    ],
)
def test_what_is_wrong_names_the_option(job: Path, option: str, value: str, words: str) -> None:
    text = invoked("encode", job, option, value).exception.format_message()
    assert text.startswith(f"Invalid value for '{option}': {words}"), text


def test_what_is_wrong_on_the_command_line_is_not_said_of_a_variable(job: Path) -> None:
    result = invoked("encode", job, "--crf", "99", CRF="18")
    assert "'--crf': 99 is not" in result.exception.format_message()


def test_a_submitted_job_has_in_its_script_what_the_environment_said(job: Path) -> None:
    variables = {"CRF": "18", "GIF_OPTIMIZE": "no", "TRUST_OWNER": "root nobody", "WORKERS": "7", "OUTPUT_DIR": "out"}
    result = invoked("submit", job, "--dry-run", **variables)
    assert result.exception is None, result.output
    text = result.stdout
    words = shlex.split(text.split("command=(")[1].split("\n)")[0])
    options = words[words.index("encode") + 1 : words.index("--")]
    assert options == [
        "--crf=18",
        "--no-gif-optimize",
        f"--output-dir={Path.cwd() / 'out'}",
        "--trust-owner=root",
        "--trust-owner=nobody",
    ]
    # How many jobs an encoder has in hand is not how many Slurm tasks there are.
    assert "--array" not in text
    assert "#SBATCH --array=0-6" in invoked("submit", job, "--dry-run", SUBMIT_WORKERS="7").stdout


def test_each_variable_means_one_thing() -> None:
    meanings: dict[str, set[str]] = {}
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and option.envvar is not None:
                meanings.setdefault(str(option.envvar), set()).add(option.type.name)
    assert {"DADDY_ENCODE_CRF", "DADDY_ENCODE_SALVAGE", "DADDY_ENCODE_SUBMIT_WORKERS"} <= meanings.keys()
    assert [name for name, types in meanings.items() if len(types) > 1] == []
    # Of the tests.
    assert "DADDY_ENCODE_REQUIRE_SYSTEM" not in meanings


def test_a_variable_that_sets_no_option_is_named_once_with_the_one_that_may_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DADDY_ENCODE_REQUIRE_SYSTEM", "1")
    monkeypatch.setenv("_DADDY_ENCODE_COMPLETE", "")
    # They are options, if of other commands.
    known = {"CRF": "18", "INTERVAL": "5", "SUBMIT_WORKERS": "2"}
    assert "Warning" not in invoked("status", tmp_path, **known).stderr
    told = invoked("status", tmp_path, CFR="18", QQ="1", **known)
    assert told.exception is None
    lines = [line for line in told.stderr.splitlines() if line.startswith("Warning")]
    assert lines == [
        "Warning: variables that set no option: DADDY_ENCODE_CFR (is DADDY_ENCODE_CRF meant?), DADDY_ENCODE_QQ"
    ]


def test_numpy_starts_no_threads_in_the_command_and_a_users_program_sees_nothing_of_how(tmp_path: Path) -> None:
    program = """
import contextlib, os, sys
from pathlib import Path
from daddy_encode.__main__ import main
with contextlib.suppress(SystemExit):
    main()
import numpy
from daddy_encode.service.notify import notify
print(len(os.listdir("/proc/self/task")))
notify(["sh", "-c", 'echo "${OPENBLAS_NUM_THREADS-nothing}" > "$0"'], Path(sys.argv[2]), lambda: False, 60)
"""
    seen = tmp_path / "seen"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", program, "--version", str(seen)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    assert told.stdout.splitlines()[-1] == "1"
    assert seen.read_text() == "nothing\n"
