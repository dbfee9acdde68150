"""The line for each saved video: for people on standard error, for programs as JSON on standard output."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.media import run_command


def test_one_line_for_each_video_with_its_six_values(job: Path) -> None:
    told = run_command("encode", job, "--video", "both", cwd=job.parent)
    assert told.returncode == 0
    assert told.stdout == ""
    lines = [re.sub(r"^\S+ \S+ ", "", line) for line in told.stderr.splitlines()]
    mp4, gif = ((job.parent / f"episode-0003.{kind}").stat().st_size for kind in ("mp4", "gif"))
    pattern = r"INFO saved episode-0003\.{}: {}, took \d+\.\d\d s, {} kB, Both \({}\)"
    assert re.fullmatch(pattern.format("mp4", "12 frames, 30 fps", f"{mp4 / 1000:.1f}", "MP4"), lines[0])
    assert re.fullmatch(pattern.format("gif", "6 frames, 15 fps", f"{gif / 1000:.1f}", "GIF"), lines[1])
    assert len(lines) == 2


def test_json_goes_to_standard_output_one_object_a_line(job: Path) -> None:
    told = run_command("encode", job, "--video", "both", "--json", "--video-fps", "30000/1001")
    mp4, gif = map(json.loads, told.stdout.splitlines())
    assert set(mp4) == {"path", "frames", "fps", "encode_seconds", "bytes", "type", "format"}
    assert (mp4["path"], mp4["type"], mp4["format"]) == (str(job.parent / "episode-0003.mp4"), "Both", "mp4")
    assert (mp4["frames"], mp4["fps"]) == (12, "30000/1001")
    assert (gif["frames"], gif["fps"]) == (6, "15000/1001")
    assert gif["bytes"] == (job.parent / "episode-0003.gif").stat().st_size
    assert gif["encode_seconds"] > 0
