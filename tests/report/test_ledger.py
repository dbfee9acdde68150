"""The ledger: every receipt of a spool as rows, for people and for programs, as `daddy-encode log` shows them."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from tests.media import run_command


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
