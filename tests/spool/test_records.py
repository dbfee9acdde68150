"""Records: what is written is read back; what is not a record is refused in one line."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daddy_encode.errors import ManifestError
from daddy_encode.spool.manifest import Manifest, read_manifest, write_manifest
from daddy_encode.spool.records import MAX_RECORD_BYTES, encode_record, parse_record

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)
MANIFESTS = st.builds(
    Manifest,
    frames=st.integers(0, 10_000_000),
    width=st.integers(0, 65_535),
    height=st.integers(0, 65_535),
    fps=st.sampled_from([30, 12.5, "30000/1001"]),
    video=st.sampled_from([None, "mp4", "gif", "both"]),
    complete=st.booleans(),
    error=st.none() | st.text(),
    meta=st.dictionaries(st.text(), JSON, max_size=5),
)


# Each takes long to make, and tells much.
@settings(max_examples=30)
@given(MANIFESTS)
def test_a_manifest_is_read_back_as_it_was_written(manifest: Manifest) -> None:
    assert parse_record(encode_record(manifest), Manifest, "manifest.json") == manifest


def test_unknown_fields_are_ignored(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(frames=1, width=2, height=3))
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "from_the_future": [1, {"a": None}]}))
    found = read_manifest(tmp_path)
    assert found is not None
    assert found[0] == Manifest(frames=1, width=2, height=3)


def test_numpy_values_in_meta_become_numbers_and_lists(tmp_path: Path) -> None:
    meta: dict[str, Any] = {"return": np.float32(1.5), "seed": np.int64(3), "obs": np.arange(3), "done": np.bool_(True)}
    write_manifest(tmp_path, Manifest(frames=1, width=2, height=3, meta=meta))
    assert json.loads((tmp_path / "manifest.json").read_text())["meta"] == {
        "return": 1.5,
        "seed": 3,
        "obs": [0, 1, 2],
        "done": True,
    }


def test_meta_that_is_no_json_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be written as JSON"):
        write_manifest(tmp_path, Manifest(frames=1, width=2, height=3, meta={"env": object()}))
    assert list(tmp_path.iterdir()) == []


GOOD = {"version": 1, "frames": 4, "width": 8, "height": 6, "fps": 30}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "Expecting value"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe{}", "codec can't decode"),
        (b'{"version": 1, "version": 1}', "the same key"),
        (json.dumps({**GOOD, "fps": math.nan}).encode(), "NaN is not a JSON number"),
        (json.dumps({**GOOD, "fps": math.inf}).encode(), "Infinity is not a JSON number"),
        (json.dumps({**GOOD, "frames": -1}).encode(), r"\$\.frames"),
        (json.dumps({**GOOD, "frames": 4.5}).encode(), r"\$\.frames"),
        (json.dumps({**GOOD, "frames": True}).encode(), r"\$\.frames"),
        (json.dumps({**GOOD, "width": 10**30}).encode(), r"\$\.width"),
        (json.dumps({**GOOD, "video": "../../x"}).encode(), r"\$\.video"),
        (json.dumps({**GOOD, "fps": [30]}).encode(), r"\$\.fps"),
        (json.dumps({**GOOD, "version": 2}).encode(), "version 2 is not one this program reads"),
        (b"{}", "it has no version, so it is another kind of file"),
        (json.dumps({**GOOD, "version": "1"}).encode(), "version '1'"),
        (json.dumps({"version": 1}).encode(), "missing required field"),
        (b'{"version": 1, "meta": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
        (json.dumps({**GOOD, "meta": {"a": [[[[[[[[[[1]]]]]]]]]]}}).encode()[:-1], "Expecting"),
        (b'{"frames": ' + b"9" * 5000 + b"}", "."),
        (b" " * (MAX_RECORD_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line(text: bytes, words: str) -> None:
    with pytest.raises(ManifestError, match=words) as caught:
        parse_record(text, Manifest, "job/manifest.json")
    assert str(caught.value).startswith("job/manifest.json: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@given(st.binary(max_size=300))
def test_bytes_are_a_manifest_or_a_manifest_error(text: bytes) -> None:
    with contextlib.suppress(ManifestError):
        parse_record(text, Manifest, "manifest.json")


def test_a_rate_out_of_bounds_is_a_manifest_error(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({**GOOD, "fps": "1/0"}))
    with pytest.raises(ManifestError, match=r"manifest.json: fps '1/0' is not a rate"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_a_manifest_that_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "manifest.json"
    if kind == "link":
        (tmp_path / "real.json").write_text(json.dumps(GOOD))
        path.symlink_to(tmp_path / "real.json")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(ManifestError, match=r"manifest\.json: (cannot be opened|not a regular file)"):
        read_manifest(tmp_path)


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None


# Each round reads records of types that nobody has read before, in four threads at once.
THREADS = """
import sys, threading
import msgspec
from daddy_encode.spool.records import parse_record
sys.setswitchinterval(1e-6)
meet = threading.Barrier(4)
def read(kind):
    meet.wait()
    assert parse_record(b'{"version": 1, "inner": {"texts": ["x"]}}', kind, "x").inner.texts == ["x"]
for _ in range(200):
    inner = msgspec.defstruct("Inner", [("texts", list[str]), *((f"f{i}", int | None, None) for i in range(9))])
    outer = msgspec.defstruct("Outer", [("version", int), ("inner", inner)])
    threads = [threading.Thread(target=read, args=(outer,)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_threads_may_be_the_first_to_read_a_record_together() -> None:
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
