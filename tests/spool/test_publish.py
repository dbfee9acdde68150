"""Publish: a file appears whole or not at all, and in this order on the disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from daddy_encode.errors import SpoolError
from daddy_encode.spool.orphans import temp_name
from daddy_encode.spool.publish import publish_bytes, temp_file
from tests.conftest import Require
from tests.media import leftovers
from tests.service.spools import until


def test_a_reader_sees_the_old_file_or_the_new_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    texts = [bytes([65 + i]) * 200_000 for i in range(20)]
    publish_bytes(texts[0], path)
    seen: set[bytes] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for text in texts:
        publish_bytes(text, path)
    until(lambda: texts[-1] in seen, "a reader that sees the last one")
    stop.set()
    reader.join()
    assert seen <= set(texts)
    assert leftovers(tmp_path) == []


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(tmp_path: Path, require_program: Require) -> None:
    program = (
        "import sys; from pathlib import Path; from daddy_encode.spool.publish import publish_bytes;"
        "publish_bytes(b'x', Path(sys.argv[1]))"
    )
    trace = tmp_path / "trace"
    command = [
        require_program("strace", "strace"),
        "-f",
        "-y",
        "-e",
        "trace=fsync,rename,renameat,renameat2",
        "-o",
        str(trace),
    ]
    target = tmp_path / "out" / "file"
    subprocess.run([*command, sys.executable, "-c", program, str(target)], check=True)
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines() if str(target.parent) in line]
    assert [re.match(r"\w+", call)[0] for call in calls] == ["fsync", "renameat", "fsync"]  # type: ignore[index]
    assert ".tmp>" in calls[0]
    assert f"{target.parent}>" in calls[2]


def test_a_temporary_name_is_unique_and_short_and_plain() -> None:
    names = {temp_name() for _ in range(1000)}
    assert len(names) == 1000
    assert all(re.fullmatch(r"\.daddy-encode-[A-Za-z0-9-]+-\d+-[0-9a-f]{12}\.tmp", name) for name in names)
    assert max(map(len, names)) < 100


def test_a_temporary_file_goes_with_its_block(tmp_path: Path) -> None:
    with pytest.raises(KeyError), temp_file(tmp_path / "a" / "b") as temp:
        assert temp.path.exists()
        raise KeyError
    assert leftovers(tmp_path) == []


def test_a_file_made_beside_a_temporary_one_goes_with_it_at_the_latest(tmp_path: Path) -> None:
    with temp_file(tmp_path) as temp:
        temp.sibling(temp_name())
        assert len(leftovers(tmp_path)) == 2
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("call", ["unlinkat", "newfstatat"])
def test_a_temporary_file_is_removed_at_the_second_try(tmp_path: Path, require_program: Require, call: str) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom daddy_encode.spool.publish import temp_file\n"
        "with temp_file(Path(sys.argv[1])) as temp: pass"
    )
    # Those calls alone that name a file in the folder by its descriptor, of which the first fails.
    command = [require_program("strace", "strace"), "-qq", "-o", str(tmp_path / "calls"), "-P", str(tmp_path / "new")]
    command += ["-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when=1"]
    (tmp_path / "new").mkdir()
    program = [sys.executable, "-c", script, str(tmp_path / "new")]
    subprocess.run([*command, *program], check=True, timeout=120)
    assert "INJECTED" in (tmp_path / "calls").read_text()
    assert leftovers(tmp_path / "new") == []


def test_a_name_that_is_too_long_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="File name too long; use a shorter name"):
        publish_bytes(b"x", tmp_path / ("n" * 256))
    assert os.listdir(tmp_path) == []
