"""What can be wrong with one frame of a job, injected for real."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.pngs import SIGNATURE, chunk, ihdr

Fault = Callable[[Path], None]


def link(path: Path) -> None:
    target = path.parent.parent / "elsewhere.png"
    if not target.exists():
        shutil.copy(path, target)
    path.unlink()
    path.symlink_to(target)


def link_to_a_neighbour(path: Path) -> None:
    path.unlink()
    path.symlink_to("manifest.json")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    path.unlink()
    # A path that is bound may have at most 107 bytes; the working directory is shared by all tests, a descriptor not.
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def device(path: Path) -> None:
    """/dev/zero by another name. Needs root."""
    path.unlink()
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def text(path: Path) -> None:
    path.write_text("no picture\n")


def flipped_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _of_the_same_size(path: Path, image: bytes) -> bytes:
    head = path.read_bytes()[:33]
    return head + chunk(b"IDAT", image) + chunk(b"IEND", b"")


def _rows(path: Path) -> bytearray:
    with Image.open(path) as image:
        width, height = image.size
    return bytearray(height * (1 + 3 * width))


def short_image(path: Path) -> None:
    path.write_bytes(_of_the_same_size(path, zlib.compress(_rows(path)[:-1])))


def long_image(path: Path) -> None:
    path.write_bytes(_of_the_same_size(path, zlib.compress(_rows(path) + b"\0")))


def no_such_filter(path: Path) -> None:
    rows = _rows(path)
    rows[0] = 9
    path.write_bytes(_of_the_same_size(path, zlib.compress(rows)))


def bomb(path: Path) -> None:
    path.write_bytes(_of_the_same_size(path, zlib.compress(bytes(100_000_000))))


def another_size(path: Path) -> None:
    Image.new("RGB", (20, 10), "red").save(path)


def too_large(path: Path) -> None:
    path.write_bytes(SIGNATURE + ihdr(100_000, 100_000) + chunk(b"IDAT", b"x") + chunk(b"IEND", b""))


FAULTS: list[Fault] = [
    link,
    link_to_a_neighbour,
    fifo,
    unix_socket,
    directory,
    empty,
    cut,
    text,
    flipped_bit,
    short_image,
    long_image,
    no_such_filter,
    bomb,
    another_size,
    too_large,
]
if os.geteuid() == 0:
    FAULTS.append(device)
