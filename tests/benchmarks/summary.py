"""The top of the page: what most readers come for, a line for each, and where a peer is ahead."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.benchmarks.result import Section

# Section, what its rows are called (a regular expression), and what their values are.
LINES = (
    ("one_job", "ours PNGs: wall$", "One directory to MP4, time: ffmpeg by hand with the same flags is 1"),
    ("many_jobs", r"ours PNGs, \d+ cores: wall$", "Many jobs in one run, time: `xargs -P` of ffmpeg by hand is 1"),
    ("cores", r", 16 cores: wall$", "Many jobs in one run on 16 cores, time: `xargs -P` of ffmpeg by hand is 1"),
    ("start_up", "one frame, MP4", "A job of one frame, time: `import numpy` and one run of ffmpeg are 1"),
    ("whole_way", "by way of PNGs$", "Frames in memory to a proved MP4: times as fast as imageio by way of PNGs"),
    ("dump", "as fast as imageio$", "`save_frames_as_png`: times as fast as `imageio.imwrite`"),
    ("dump", "as fast as OpenCV$", "`save_frames_as_png`: times as fast as `cv2.imwrite`"),
    ("dump_rollout", "median ms inside write$", "`FrameWriter.write` of a frame of 720p, milliseconds"),
    ("dump_rollout", "of those only rendered$", "Steps per second of a recorded CartPole: only rendered is 1"),
    ("dump_rollout", "with Gymnasium's RecordVideo$", "The same by Gymnasium's `RecordVideo`"),
    ("gif", "PNGs: imageio's time, ours 1$", "An exact GIF: times as fast as imageio"),
    ("gif", "size, smallest as good peer's 1$", "An exact GIF, size: the smallest of peers that are exact, too, is 1"),
    ("quality", r"imageio\.mimsave: XPSNR", "MP4 of the size of imageio's defaults: dB of XPSNR above these"),
    ("quality", "RecordVideo: XPSNR", "MP4 of the size of `RecordVideo`'s: dB of XPSNR above these"),
    ("quality", "LeRobot: XPSNR", "MP4 of the size of LeRobot's, or smaller: dB of XPSNR above these"),
    ("growth", "one job: wall", "Time of a frame in a job of 30,000: in one of 300 it is 1"),
    ("growth", "finished jobs: wall", "Time of a finished job among 20,000: among 100 it is 1"),
    ("service", "less the bare encode", "From manifest to MP4 with a watcher, less the bare encode, seconds"),
    ("cluster", "double work", "Work done twice by 64 encoders on 2,048 jobs, per cent (simulated)"),
)
TIMES = "times as fast as ours"
"""The column of tables in which more than 1 is a peer that is ahead."""


def summary(sections: Mapping[str, Section], anchors: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    """Columns and cells of a table of the figures that matter; `anchors`: of the sections, by name."""
    cells = []
    for name, pattern, what in LINES:
        rows = [row for row in sections[name].rows if re.search(pattern, row.what)] if name in sections else []
        if rows:
            shown = [f"{value:.3g}" for value in sorted({row.value for row in rows})]
            bars = sorted({row.bar for row in rows if row.bar}, key=lambda bar: float(bar.split()[1]))
            met = f"{sum(row.is_met for row in rows)} of {len(rows)}" if bars else ""
            figures = shown[0] if shown[0] == shown[-1] else f"{shown[0]} to {shown[-1]}"
            cells.append([f"[{what}](#{anchors[name]})", figures, ", ".join(bars), met])
    return ["", "measured", "bar", "met by"], cells


def peers_ahead(section: Section) -> str:
    """Which ways are ahead of ours in the tables of a section, and by how much; empty where none is."""
    times: dict[str, list[float]] = {}
    for table in section.tables:
        if TIMES in table.columns:
            for way, *cells in table.cells:
                value = float(cells[table.columns.index(TIMES) - 1])
                times.setdefault(way, []).append(value)
    ahead = {way: [value for value in values if value > 1] for way, values in times.items()}
    return ", ".join(
        f"{way} on {len(values)} of {len(times[way])} clips, up to {max(values):.1f} times as fast"
        for way, values in sorted(ahead.items(), key=lambda item: -max(item[1], default=0))
        if values
    )
