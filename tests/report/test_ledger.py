"""The ledger: every receipt of a spool as rows, for people and for programs, as `daddy-encode log` shows them."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from daddy_encode import save_frames_as_png
from daddy_encode.cli.main import group
from daddy_encode.report.ledger import read_ledger
from tests.jobs import encode
from tests.media import moving_square, run_command


def test_log_has_the_six_values_of_every_video_and_the_failures(states: Path) -> None:
    rows = [json.loads(line) for line in run_command("log", states, "--json").stdout.splitlines()]
    videos = {Path(row["path"]).name: row for row in rows if row["error"] is None}
    assert sorted(videos) == sorted(
        f"{name}.{kind}" for name in ("done", "gone", "partly done") for kind in ("mp4", "gif")
    )
    for name, row in videos.items():
        assert set(row) >= {"path", "frames", "fps", "encode_seconds", "bytes", "type"}
        assert (row["type"], row["format"]) == ("Both", name[-3:])
        assert row["frames"] > 0 and row["fps"] in (15, 30) and row["encode_seconds"] > 0 and row["bytes"] > 0
    (failure,) = (row for row in rows if row["error"] is not None)
    assert failure["path"] == str(states / "run" / "failed one")
    assert failure["frames"] is None
    assert [row["finished"] for row in rows] == sorted(row["finished"] for row in rows)


def test_log_as_csv_and_as_lines_says_the_same(states: Path) -> None:
    rows = [json.loads(line) for line in run_command("log", states, "--json").stdout.splitlines()]
    table = list(csv.DictReader(io.StringIO(run_command("log", states, "--csv").stdout)))
    assert [row["path"] for row in table] == [row["path"] for row in rows]
    assert [row["bytes"] for row in table] == [str(row["bytes"] or "") for row in rows]
    lines = run_command("log", states, cwd=states).stdout.splitlines()
    assert len(lines) == len(rows)
    assert any(
        re.fullmatch(r"\S+ \S+  Both +4 frames +30 fps +\d+\.\d\d s +[\d.]+ kB  run/done\.mp4", x) for x in lines
    )
    assert any("FAILED  run/failed one: " in line for line in lines)


def test_log_shows_paths_as_the_root_was_given(states: Path) -> None:
    told = run_command("log", states.name, "--json", cwd=states.parent)
    paths = {json.loads(line)["path"] for line in told.stdout.splitlines()}
    assert "spool/run/done.mp4" in paths
    assert all(path.startswith("spool/run/") for path in paths)


def videos(root: Path) -> list[str]:
    return sorted(row["path"] for row in read_ledger(root).rows)


def test_the_log_of_a_job_has_what_is_beside_it_and_of_no_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ep", "ep.v2", "ep2"):
        save_frames_as_png(moving_square(2, 16, 16), tmp_path / name)
        encode(tmp_path / name)
    assert videos(tmp_path / "ep") == [f"{tmp_path}/ep.mp4"]
    monkeypatch.chdir(tmp_path)
    assert videos(Path("ep")) == ["ep.mp4"]
    monkeypatch.chdir(tmp_path / "ep")
    assert videos(Path()) == [f"{tmp_path}/ep.mp4"]
    # One of several sequences of frames.
    receipt = json.loads((tmp_path / "ep.receipt.json").read_text()) | {"sequence": "rgb_*.png"}
    (tmp_path / "ep.rgb.receipt.json").write_text(json.dumps(receipt))
    assert videos(tmp_path / "ep") == [f"{tmp_path}/ep.mp4", f"{tmp_path}/ep.rgb.mp4"]
    assert len(videos(tmp_path)) == 4


def test_the_log_of_a_spool_has_what_is_in_the_output_directory(tmp_path: Path) -> None:
    spool, out = tmp_path / "spool", tmp_path / "out"
    for name in ("run/a", "run/b"):
        save_frames_as_png(moving_square(2, 16, 16), spool / name)

    def told(*arguments: str | Path) -> tuple[list[str], str]:
        runner = CliRunner(env={"DADDY_ENCODE_OUTPUT_DIR": str(out)})
        result = runner.invoke(group, ["log", *map(str, arguments)], catch_exceptions=False)
        # Which of two was ready first is chance.
        return sorted(re.findall(r"\S+\.mp4", result.stdout)), result.stderr

    assert told(spool) == (
        [],
        f"{spool}: no receipt (NAME.receipt.json) below it or beside it, nor in {out}\n",
    )
    run_command("encode", spool, "--output-dir", out)
    both = [f"{out}/run/a.mp4", f"{out}/run/b.mp4"]
    assert told(spool) == told(out) == (both, "")
    assert told(spool, "run/b") == told(out, "b") == (both[1:], "")
    assert told(spool / "run" / "b")[0] == []
    # As for `status`, a job that is named itself has its outputs at the top.
    run_command("encode", spool / "run" / "b", "--output-dir", out)
    assert told(spool / "run" / "b")[0] == [f"{out}/b.mp4"]
