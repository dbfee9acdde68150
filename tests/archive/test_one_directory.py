"""Whoever changes what is in a job's directory is alone there, wherever the outputs are, and looks once more before."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from daddy_encode.archive.claimed import claimed
from daddy_encode.archive.pack.pack import pack_job
from daddy_encode.archive.pack.unpack import unpack_job
from daddy_encode.errors import TransientError
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from tests.archive.commands import told
from tests.archive.jobs import STAYS, names
from tests.archive.test_leftovers import done_job
from tests.jobs import context, encode

PACKED = {"frames.json", "frames.mkv"}
PNGS = {f"{number:06d}.png" for number in range(5)}


def test_another_directory_of_outputs_is_no_way_round_the_claim(tmp_path: Path) -> None:
    job, elsewhere = done_job(tmp_path / "spool" / "job"), tmp_path / "elsewhere"
    with claimed(JobPaths.of(job, output_dir=elsewhere), context(), Claims(120.0), StopSwitch()) as (own, is_held):
        assert is_held and own.may_publish()
        for command in (("pack", job), ("pack", "--undo", job), ("clean", "--yes", job)):
            assert "works on it" in told(*command)[1], command
        # They need not wait who only read.
        assert told("encode", job, "--output-dir", tmp_path / "third")[0] == 0
    with Claims(120.0).hold(JobPaths.of(job), lambda: None):
        assert "works on it" in told("pack", job, "--output-dir", elsewhere)[1]
    assert names(job) == STAYS | PNGS
    assert told("pack", job, "--output-dir", elsewhere)[0] == 0
    assert names(job) == STAYS | PACKED
    assert not [*tmp_path.rglob("*.lease")]
    assert not encode(job).made


@pytest.mark.parametrize("step", [1, 3])
def test_the_packed_file_stays_where_somebody_has_removed_a_png_that_was_written(tmp_path: Path, step: int) -> None:
    job, calls = done_job(tmp_path / "job"), list[None]()
    pack_job(JobPaths.of(job), context())

    def may_publish() -> bool:
        calls.append(None)
        if len(calls) == 1:
            # As a packer does that takes them for leftovers.
            for png in sorted(job.glob("*.png"))[::step]:
                png.unlink()
        return True

    with pytest.raises(TransientError, match=r"PNGs that were written are gone, or others, so frames.mkv stays"):
        unpack_job(JobPaths.of(job), replace(context(), may_publish=may_publish))
    assert names(job) >= STAYS | PACKED
    unpack_job(JobPaths.of(job), context())
    assert names(job) == STAYS | PNGS


@pytest.mark.parametrize("name", sorted(PACKED))
def test_pngs_stay_where_somebody_has_removed_what_replaces_them(tmp_path: Path, name: str) -> None:
    job, calls = done_job(tmp_path / "job"), list[None]()

    def may_publish() -> bool:
        calls.append(None)
        # The file gets its name, the record is written, and the first of the PNGs is about to go.
        if len(calls) == 3:
            (job / name).unlink()
        return True

    with pytest.raises(TransientError, match=r"frames.mkv: is gone, or another by now, so the PNGs stay"):
        pack_job(JobPaths.of(job), replace(context(), may_publish=may_publish))
    assert names(job) == (STAYS | PNGS | PACKED) - {name}
