"""An encoder that is suspended while its dump is overwritten: no video of two dumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from daddy_encode.spool.manifest import Manifest, write_manifest
from tests.service.overwriting import (
    NEW,
    OLD,
    Blocked,
    Overwrite,
    assert_it_is_of,
    by_renames,
    in_place,
    loose,
    overwrite_meanwhile,
    without_its_manifest,
)
from tests.service.spools import Encoder


@pytest.mark.parametrize(
    ("written", "overwrite"),
    [
        (in_place, in_place),
        pytest.param(in_place, by_renames, marks=pytest.mark.soak),
        (loose, loose),
    ],
)
def test_the_dump_that_is_there_when_it_goes_on_is_encoded(
    spool: Path, tmp_path: Path, written: Overwrite, overwrite: Overwrite
) -> None:
    written(spool / "job", OLD)
    ffmpeg = Blocked(tmp_path)
    with Encoder("encode", spool / "job", environment=ffmpeg.environment) as encoder:
        overwrite_meanwhile(encoder, ffmpeg, spool / "job", overwrite)
        assert encoder.wait() == 0, encoder.log()
        assert len(encoder.lines("its frames changed while they were encoded; encoding it anew")) == 1
    assert_it_is_of(NEW, spool / "job", tmp_path)


def test_one_that_has_no_manifest_yet_is_waited_for(spool: Path, tmp_path: Path) -> None:
    in_place(spool / "job", OLD)
    ffmpeg = Blocked(tmp_path)
    with Encoder("watch", spool, "--interval", "0.2", environment=ffmpeg.environment, first_pause=0.2) as watcher:
        overwrite_meanwhile(watcher, ffmpeg, spool / "job", without_its_manifest)
        watcher.until_said("job: its manifest is gone: it is being written again; wait for it; it is tried again later")
        assert sorted(path.name for path in spool.iterdir() if path.name[0] != ".") == ["job"]
        write_manifest(spool / "job", Manifest(frames=len(NEW), width=160, height=120))
        watcher.until_done([spool / "job"])
        assert watcher.stop() == 0
    assert_it_is_of(NEW, spool / "job", tmp_path)
