"""Archives that somebody has made to do harm: refused by name, and nothing of them is read, followed or made."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.errors import FrameError, Skipped
from daddy_encode.spool.stored import tar_index
from daddy_encode.spool.stored.find import find_stored
from tests.encoding.stored.tars import add, add_all, into_tar, signed
from tests.jobs import encode

Frames = dict[str, bytes]
Write = Callable[[tarfile.TarFile, Frames], None]


def entry(name: str, **fields: object) -> Write:
    """A third entry that is the third frame's, of this name and with these fields."""

    def write(archive: tarfile.TarFile, frames: Frames) -> None:
        add_all(archive, dict(list(frames.items())[:2]))
        add(archive, name, frames["000002.png"], **fields)
        add_all(archive, dict(list(frames.items())[3:]))

    return write


def without_data(name: str, kind: bytes, **fields: object) -> Write:
    def write(archive: tarfile.TarFile, frames: Frames) -> None:
        add_all(archive, frames)
        add(archive, name, b"", type=kind, **fields)

    return write


def twice(archive: tarfile.TarFile, frames: Frames) -> None:
    add_all(archive, frames)
    add(archive, "./000003.png", frames["000004.png"])


def in_two_directories(archive: tarfile.TarFile, frames: Frames) -> None:
    for number, (name, data) in enumerate(frames.items()):
        add(archive, f"{'ab'[number % 2]}/{name}", data)


def pax(**headers: str) -> Write:
    def write(archive: tarfile.TarFile, frames: Frames) -> None:
        archive.format = tarfile.PAX_FORMAT
        entry("000002.png", pax_headers=headers)(archive, frames)

    return write


def gnu_long_name(archive: tarfile.TarFile, frames: Frames) -> None:
    archive.format = tarfile.GNU_FORMAT
    entry("x" * 120 + "000002.png")(archive, frames)


ENTRIES: dict[str, tuple[Write, str]] = {
    "symbolic link": (without_data("000012.png", tarfile.SYMTYPE, linkname="/etc/passwd"), r"000012\.png: is a link"),
    "hard link": (without_data("000012.png", tarfile.LNKTYPE, linkname="000001.png"), r"000012\.png: is a link"),
    "link that is no frame": (without_data("x", tarfile.SYMTYPE, linkname="/"), "x: is a link"),
    "FIFO": (without_data("000012.png", tarfile.FIFOTYPE), r"000012\.png: is a FIFO"),
    "character device": (without_data("000012.png", tarfile.CHRTYPE, devmajor=1, devminor=5), "is a device"),
    "block device": (without_data("000012.png", tarfile.BLKTYPE, devmajor=8), "is a device"),
    "GNU sparse": (without_data("000012.png", tarfile.GNUTYPE_SPARSE), r"000012\.png: is sparse"),
    "GNU long link": (without_data("000012.png", tarfile.GNUTYPE_LONGLINK), "is a link"),
    "unknown kind": (without_data("000012.png", b"Z"), "is neither a file nor a directory"),
    "absolute name": (entry("/tmp/000002.png"), r"/tmp/000002\.png: is an absolute path"),
    "parent": (entry("../000002.png"), r"\.\./000002\.png: leads out of the archive"),
    "parent within": (entry("a/../../000002.png"), "leads out of the archive"),
    "parent that is no frame": (entry("../.bashrc"), r"\.\./\.bashrc: leads out of the archive"),
    "two of one name": (twice, r"\./000003\.png: is there twice"),
    "two directories": (in_two_directories, r"b/000001\.png: is not in the directory of a/000000\.png"),
    "pax path": (pax(path="/etc/passwd"), "pax header with the field path"),
    "pax size": (pax(size="1"), "pax header with the field size"),
    "pax link": (pax(linkpath="/etc/passwd"), "pax header with the field linkpath"),
    "pax sparse": (pax(**{"GNU.sparse.realsize": "9"}), r"pax header with the field GNU\.sparse\.realsize"),
    "star sparse": (pax(**{"SCHILY.realsize": "9"}), r"pax header with the field SCHILY\.realsize"),
    "GNU long name": (gnu_long_name, "has a long name in GNU's form"),
}


@pytest.mark.parametrize(("write", "says"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_that_no_archive_of_frames_has_is_refused_by_name(job: Path, write: Write, says: str) -> None:
    assert_refused(into_tar(job, write), says)


def assert_refused(path: Path, says: str) -> None:
    job = path.parent
    before = sorted(os.listdir(job))
    with pytest.raises(FrameError, match=rf"frames\.tar: .*{says}") as caught:
        encode(job)
    assert str(caught.value).isprintable()
    assert (sorted(os.listdir(job)), os.listdir(job.parent)) == (before, [job.name])
    # Whoever only looks for jobs still finds this one: its encoder says what is wrong.
    found = find_stored(job, before)
    assert found is not None
    assert found.frames > 0


def header_of(path: Path, number: int) -> int:
    with tarfile.open(path) as archive:
        return archive.getmembers()[number].offset


def with_field(at: int, field: bytes, *, sign: bool = True) -> Callable[[bytes], bytes]:
    def change(header: bytes) -> bytes:
        changed = header[:at] + field + header[at + len(field) :]
        return signed(changed) if sign else changed

    return change


HEADERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "wrong checksum": (with_field(0, b"7", sign=False), r"what follows 000004\.png has a wrong checksum"),
    "negative size": (with_field(124, b"\xff" * 12), "its size is not a number"),
    "huge size": (with_field(124, b"\x80" + b"\x7f" * 11), "its size is not a number"),
    "12 octal digits": (with_field(124, b"100000000000"), "8 GiB or more are not read"),
    "size with a sign": (with_field(124, b"-0000000100\0"), "its size is not a number"),
    "size that is text": (with_field(124, b"0x0000000ff\0"), "its size is not a number"),
    "smaller size": (with_field(124, b"00000000000\0"), r"what follows 000005\.png has a wrong checksum"),
    "no name": (with_field(0, bytes(100)), "has a file without a name"),
    "unknown kind of archive": (with_field(257, b"tarus\x0000"), "is of an unknown kind of archive"),
    "control characters": (with_field(0, b"../\x1b[2J\n.png\0"), "leads out of the archive"),
    "prefix that leads out": (with_field(345, b"../..\0"), "leads out of the archive"),
    "zeros": (lambda header: bytes(512), "goes on after its end"),
}


@pytest.mark.parametrize(("change", "says"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_lies_is_refused(job: Path, change: Callable[[bytes], bytes], says: str) -> None:
    path = into_tar(job)
    at = header_of(path, 5)
    data = path.read_bytes()
    path.write_bytes(data[:at] + change(data[at : at + 512]) + data[at + 512 :])
    assert_refused(path, says)


def test_a_size_beyond_the_end_is_a_frame_that_is_cut_off(job: Path) -> None:
    path = into_tar(job)
    at = header_of(path, 11)
    data = path.read_bytes()
    path.write_bytes(data[:at] + with_field(124, b"77777777777\0")(data[at : at + 512]) + data[at + 512 :])
    with pytest.raises(FrameError, match=r"frames\.tar/000011\.png: is cut off"):
        encode(job)


def test_two_archives_in_one_file_and_a_long_rest_are_refused(job: Path) -> None:
    path = into_tar(job)
    data = path.read_bytes()
    path.write_bytes(data + data)
    assert_refused(path, "goes on after its end, as several archives in one file do")
    path.write_bytes(data)
    os.truncate(path, 2**40)
    assert_refused(path, "bytes from its end on")


def test_a_compressed_archive_says_so(job: Path) -> None:
    path = into_tar(job)
    data = path.read_bytes()
    for compress, name in ((gzip.compress, "gzip"), (lzma.compress, "xz"), (bz2.compress, "bzip2")):
        path.write_bytes(compress(data))
        assert_refused(path, rf"is compressed \({name}\); nothing of it is read; decompress it")


def test_pax_headers_that_are_not_well_formed_or_never_end_are_refused(job: Path) -> None:
    path = into_tar(job)
    rest = path.read_bytes()
    for text, says in (
        (b"999999 mtime=1\n", "is not well-formed"),
        (b"-5 mtime=1\n", "is not well-formed"),
        (b"0 mtime=1\n", "is not well-formed"),
        (b"12 mtime 12.\n", "is not well-formed"),
        (b"x" * 100, "is not well-formed"),
        (b"20 mtime=1\n" + b"x" * 9, "is not well-formed"),
        (b"\n" * 70_000, "is a pax header of 70000 bytes, more than 65536"),
    ):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            add(archive, "PaxHeaders/0", text, type=tarfile.XHDTYPE)
        path.write_bytes(stream.getvalue().rstrip(b"\0").ljust(1024 + len(text) // 512 * 512, b"\0") + rest)
        assert_refused(path, says)


def test_what_is_no_file_is_never_opened(job: Path) -> None:
    path = into_tar(job)
    real = path.rename(job.parent.parent / "real.tar")
    path.symlink_to(real)
    assert_refused(path, "is a link, not a regular file")
    path.unlink()
    os.mkfifo(path)
    assert_refused(path, "is a FIFO, not a regular file")
    path.unlink()
    if os.geteuid() == 0:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        assert_refused(path, "is a device, not a regular file")


def test_another_users_archive_is_left_alone(job: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may give a file away")
    path = into_tar(job)
    os.chown(path, 12_345, -1)
    with pytest.raises(Skipped, match=r"frames\.tar: skipped: it belongs to 12345"):
        encode(job)
    with JobDirectory(job, Owners(None)) as directory:
        assert "000003.png" in directory.names()


def test_an_archive_of_very_many_entries_is_refused(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_index, "MAX_MEMBERS", 20_000)
    path = into_tar(job)
    with tarfile.open(path) as archive:
        header = archive.getmembers()[0].tobuf(tarfile.USTAR_FORMAT)
    empty = signed(header[:124] + b"00000000000\0" + header[136:])
    notes = signed(b"notes".ljust(100, b"\0") + empty[100:])
    with open(path, "wb") as stream:
        stream.write(notes * 20_001)
    assert_refused(path, "has more than 20000 entries")
