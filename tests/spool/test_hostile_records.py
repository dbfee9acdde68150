"""Manifests and receipts that anybody may have written: one line of error, or nothing but data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daddy_encode.encoding.settings import Colour
from daddy_encode.errors import ManifestError
from daddy_encode.report.marks import Source
from daddy_encode.spool.manifest import Manifest, read_manifest, write_manifest
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.recording.rollout import Rollout
from daddy_encode.spool.records import MAX_RECORD_BYTES, parse_record
from daddy_encode.spool.slurm_process import SlurmJobId
from daddy_encode.spool.stored.pack_record import Digest
from tests.jobs import encode
from tests.media import leftovers

GOOD: dict[str, Any] = {"version": 1, "frames": 12, "width": 64, "height": 48, "fps": 30}


@pytest.mark.parametrize(
    ("kind", "text"), [(Colour, "ffffff"), (Digest, "0" * 64), (SlurmJobId, "12"), (Source, "0" * 16)]
)
def test_a_text_of_one_form_has_no_line_break_at_its_end(kind: Any, text: str) -> None:
    assert msgspec.convert(text, kind) == text
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(f"{text}\n", kind)


def changed(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "oversize": changed(meta={"x": "y" * MAX_RECORD_BYTES}),
    "nested deeply": b'{"version": 1, "meta": ' + b"[" * 100 + b"]" * 100 + b"}",
    "nested to the limit of memory": b"[" * 3_000_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a key twice": b'{"version": 1, "frames": 12, "frames": 1, "width": 64, "height": 48}',
    "a key twice far inside": changed()[:-1] + b', "meta": {"a": {"b": 1, "b": 2}}}',
    "NaN": changed(fps=float("nan")),
    "NaN in meta": changed(meta={"return": float("nan")}),
    "infinity": changed(fps=float("inf")),
    "minus infinity": b'{"version": 1, "frames": 12, "width": 64, "height": 48, "fps": -Infinity}',
    "a float too large": changed()[:-1] + b', "meta": {"x": 1e999}}',
    "negative frames": changed(frames=-1),
    "a huge integer": changed()[:-1] + b', "meta": {"x": ' + b"9" * 100_000 + b"}}",
    "millions of digits": b'{"version": ' + b"9" * 3_000_000 + b"}",
    "huge frames": changed(frames=10**30),
    "a huge size": changed(width=2**31),
    "frames as text": changed(frames="12"),
    "frames as a float": changed(frames=12.5),
    "frames as true": changed(frames=True),
    "fps zero": changed(fps=0),
    "fps that would take hours": changed(fps="1e999999999"),
    "fps as a list": changed(fps=[30]),
    "fps over zero": changed(fps="30/0"),
    "an unknown video": changed(video="mkv"),
    "video as a path": changed(video="../../x.mp4"),
    "no version": json.dumps({key: value for key, value in GOOD.items() if key != "version"}).encode(),
    "version 2": changed(version=2),
    "version true": changed(version=True),
    "version as an object": changed(version={"a": ["b"] * 1000}),
    "not an object": b"[1, 2]",
    "a number": b"7",
    "two objects": changed() + changed(),
    "cut off": changed()[:-5],
    "UTF-16": changed().decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + changed(),
    "Latin-1": '{"version": 1, "error": "é"}'.encode("latin-1"),
    "zeros": bytes(1000),
    "a PNG": b"\x89PNG\r\n\x1a\n",
    "a comment": b"// hello\n" + changed(),
    "single quotes": str(GOOD).encode(),
    "an error that is a list": changed(error=["x"]),
    "a long error": changed(error="x" * 200_000),
    "meta that is a list": changed(meta=[]),
    "complete as text": changed(complete="yes"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_manifest_is_one_line_of_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "manifest.json").write_bytes(HOSTILE[name])
    with pytest.raises(ManifestError) as caught:
        read_manifest(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/manifest.json: ")
    assert message.isprintable()
    assert len(message) < len(str(tmp_path)) + 400


# Read by the same function as a manifest: some will do.
@pytest.mark.parametrize("name", ["empty", "oversize", "nested to the limit of memory", "NaN", "version 2", "UTF-16"])
def test_a_hostile_receipt_proves_nothing_and_is_replaced(job: Path, name: str) -> None:
    receipt = job.with_suffix(".receipt.json")
    receipt.write_bytes(HOSTILE[name])
    assert encode(job).made
    assert encode(job).made == []


def test_all_of_them_take_little_memory(tmp_path: Path) -> None:
    for index, data in enumerate(HOSTILE.values()):
        (tmp_path / str(index)).mkdir()
        (tmp_path / str(index) / "manifest.json").write_bytes(data)
    program = f"""
from pathlib import Path
from daddy_encode.errors import ManifestError
from daddy_encode.spool.manifest import read_manifest
for folder in Path({str(tmp_path)!r}).iterdir():
    try:
        read_manifest(folder)
    except ManifestError:
        pass
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 500


@pytest.mark.parametrize("plant", ["link", "fifo", "directory", "socket-like device"])
def test_what_is_no_file_is_no_manifest(tmp_path: Path, plant: str) -> None:
    path = tmp_path / "manifest.json"
    if plant == "link":
        (tmp_path / "elsewhere.json").write_bytes(changed())
        path.symlink_to("elsewhere.json")
    elif plant == "fifo":
        os.mkfifo(path)
    elif plant == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ManifestError, match=r"manifest\.json: (cannot be opened|not a regular file)"):
        read_manifest(tmp_path)


def test_an_oversized_file_is_not_read_whole(tmp_path: Path) -> None:
    with open(tmp_path / "manifest.json", "wb") as stream:
        stream.truncate(20 * 2**30)
    with pytest.raises(ManifestError, match="larger than"):
        read_manifest(tmp_path)


Tamper = Callable[[dict[str, Any]], None]


def _paths(receipt: dict[str, Any]) -> None:
    receipt["job"] = "../../../etc/passwd"
    for output in receipt["outputs"]:
        output["path"] = "/etc/passwd"


def _formats(receipt: dict[str, Any]) -> None:
    receipt["outputs"] = [{**output, "format": "gif"} for output in receipt["outputs"]]


def _many(receipt: dict[str, Any]) -> None:
    receipt["outputs"] *= 1000


@pytest.mark.parametrize("tamper", [_paths, _formats, _many])
def test_no_value_in_a_receipt_picks_a_path(job: Path, tamper: Tamper) -> None:
    encode(job)
    path = job.with_suffix(".receipt.json")
    receipt = json.loads(path.read_text())
    tamper(receipt)
    path.write_text(json.dumps(receipt))
    before = sorted(os.listdir(job.parent))
    result = encode(job, video="both")
    assert {record.format for record in result.receipt.outputs} == {"mp4", "gif"}
    assert sorted(os.listdir(job.parent)) == sorted({*before, "episode-0003.gif"})
    assert leftovers(job.parent) == []


def test_no_value_in_a_manifest_picks_a_path_or_an_option(job: Path) -> None:
    manifest = json.loads((job / "manifest.json").read_text())
    manifest |= {
        "path": "/tmp/evil.mp4",
        "output": "../evil",
        "settings": {"crf": "0 -f null"},
        "meta": {"output_dir": "/etc", "preset": "; touch evil", "deep": {"-i": "/etc/passwd"}},
        "error": "\x1b[31m\n-i concat:/etc/passwd",
    }
    (job / "manifest.json").write_text(json.dumps(manifest))
    assert encode(job).made
    assert sorted(os.listdir(job.parent)) == ["episode-0003", "episode-0003.mp4", "episode-0003.receipt.json"]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_one_line_of_error(data: bytes) -> None:
    for kind in (Manifest, Receipt, Rollout):
        try:
            parse_record(data, kind, "name")
        except ManifestError as error:
            assert str(error).startswith("name: ")
            assert str(error).isprintable()


# As Python's own objects, 100 MB and more each.
TINY = 1_390_000
LARGE_META: dict[str, bytes] = {
    "lists": b"[" + b"[]," * TINY + b"[]]",
    "objects": b"[" + b'{"a":0},' * (TINY * 3 // 8) + b"0]",
    "numbers": b"[" + b"1.5," * (TINY * 3 // 4) + b"0]",
    "keys": b"{" + b",".join(b'"%x":0' % number for number in range(TINY // 4)) + b"}",
    "texts": b"[" + b'"ab",' * (TINY * 3 // 5) + b"0]",
}
PEAK = """
import sys; from pathlib import Path
from daddy_encode.errors import ManifestError
from daddy_encode.spool.manifest import read_manifest
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import read_record

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024

before = peak()
folders = sorted(Path(sys.argv[1]).iterdir())
kept = [read_manifest(folder) for folder in folders]
refused = 0
for folder in folders:
    try:
        kept.append(read_record(folder / "x.receipt.json", Receipt))
    except ManifestError as error:
        refused += "more than 20000 values" in str(error)
print(peak() - before, refused)
"""


def test_records_are_bounded_in_what_they_become_in_memory(job: Path, tmp_path: Path) -> None:
    encode(job)
    receipt = json.loads(job.with_suffix(".receipt.json").read_text())
    for name, meta in LARGE_META.items():
        folder = tmp_path / "hostile" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_bytes(changed()[:-1] + b', "meta": {"x": ' + meta + b"}}")
        receipt["outputs"][0]["settings"] = {"x": "HERE"}
        text = json.dumps(receipt).encode().replace(b'"HERE"', meta)
        (folder / "x.receipt.json").write_bytes(text)
    command = [sys.executable, "-c", PEAK, str(tmp_path / "hostile")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split()
    assert float(told[0]) < 48
    assert int(told[1]) == len(LARGE_META)


def test_a_manifest_with_a_large_meta_of_the_users_own_is_read_and_not_kept(tmp_path: Path) -> None:
    meta = {"returns": [0.5] * 300_000, "text": '"},{[' * 1000}
    write_manifest(tmp_path, Manifest(frames=12, width=64, height=48, meta=meta))
    assert json.loads((tmp_path / "manifest.json").read_text())["meta"] == meta
    found = read_manifest(tmp_path)
    assert found is not None
    assert found[0] == Manifest(frames=12, width=64, height=48)


def test_a_text_that_never_ends_is_looked_through_once() -> None:
    program = """
import sys
from daddy_encode.errors import ManifestError
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import parse_record
for text in (b'\\\\"' * 300_000, b'{"meta": "' + b'\\\\"' * 300_000, b'"' * 300_001, b'"\\\\"' * 300_000):
    try:
        parse_record(text + b"," * 20_001, Receipt, "x")
    except ManifestError as error:
        print(error)
"""
    # Once more from each quotation mark would be hours.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.count("not a valid receipt") == 4


@pytest.mark.parametrize(
    "text",
    [
        changed()[:-1] + b', "meta": {"x": 1}, "meta": {"x": [' + b"0," * 30_000 + b"0]}}",
        changed()[:-1] + b', "frames": 1, "meta": {"x": [' + b"0," * 30_000 + b"0]}}",
        changed()[:-1] + b', "meta": [' + b"0," * 30_000 + b"0]}",
        changed()[:-1] + b', "other": [' + b"0," * 30_000 + b"0]}",
        changed()[:-1] + b', "meta": {"x": [' + b"0," * 30_000 + b"NaN]}}",
    ],
    ids=["meta twice", "frames twice", "a list", "another field", "NaN"],
)
def test_a_large_meta_hides_no_other_fault(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(text)
    with pytest.raises(ManifestError):
        read_manifest(tmp_path)


def test_names_in_a_receipt_may_hold_what_separates_values(job: Path) -> None:
    encode(job)
    path = job.with_suffix(".receipt.json")
    receipt = json.loads(path.read_text())
    receipt["lost"] = {"missing_count": 1000, "missing": ["[,{:" * 50 + f"{i}.png" for i in range(1000)]}
    assert parse_record(json.dumps(receipt).encode(), Receipt, "name").lost.missing_count == 1000


@pytest.mark.parametrize("value", [-1, 10**350, 1e300, -1e300])
@pytest.mark.parametrize("field", ["frames", "bytes", "width", "encode_seconds", "fps", "finished"])
def test_a_number_that_cannot_be_is_no_receipt(job: Path, field: str, value: float) -> None:
    encode(job)
    receipt = json.loads(job.with_suffix(".receipt.json").read_text())
    (receipt if field == "finished" else receipt["outputs"][0])[field] = value
    with pytest.raises(ManifestError, match=f"not a valid receipt: .*{field}"):
        parse_record(json.dumps(receipt).encode(), Receipt, "name")
