"""Somebody who may write to the same folders, as a process: puts other things in the place of every temporary file.

Run with the path of a file that nobody may change, a number that decides what comes when, and the folders to watch. It
prints "ready" when it watches, then a line for each time that it has replaced a file, until its standard input ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import select
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

ANOTHER = b"another's"
IN_CREATE = 0x100
# inotify_event of <sys/inotify.h>, before the name.
HEAD = struct.Struct("iIII")
# So many times is one name replaced, so long is the longest pause between two.
AGAIN = 12
PAUSE_SECONDS = 0.001


@dataclass
class Target:
    """A temporary file, where it goes when it is moved aside, whether it then comes back, how often it is swapped."""

    path: str
    aside: str
    comes_back: bool
    left: int = AGAIN


class Swapper:
    def __init__(self, precious: str, seed: int, folders: list[str]) -> None:
        self._precious = precious
        self._random = random.Random(seed)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = self._libc.inotify_init1(os.O_CLOEXEC)
        self._folders = {self._libc.inotify_add_watch(self._inotify, os.fsencode(f), IN_CREATE): f for f in folders}
        assert -1 not in self._folders
        # On the file system of each: what is renamed into it.
        self._own = {folder: tempfile.mkdtemp(dir=os.path.dirname(folder)) for folder in folders}
        self._made = 0

    def run(self) -> None:
        print("ready", flush=True)
        targets: list[Target] = []
        while True:
            pause = self._random.random() * PAUSE_SECONDS if targets else None
            readable, _, _ = select.select([self._inotify, sys.stdin], [], [], pause)
            if sys.stdin in readable:
                break
            if self._inotify in readable:
                targets += self._events()
            if targets:
                target = self._random.choice(targets)
                try:
                    self._swap(target)
                except OSError:
                    # Published or removed.
                    target.left = 0
                if not target.left:
                    targets.remove(target)
                    with contextlib.suppress(OSError):
                        os.unlink(target.path)
        for own in self._own.values():
            shutil.rmtree(own)

    def _events(self) -> Iterator[Target]:
        data = os.read(self._inotify, 65_536)
        position = 0
        while position < len(data):
            watch, _, _, length = HEAD.unpack_from(data, position)
            position += HEAD.size + length
            name = os.fsdecode(data[position - length : position].rstrip(b"\0"))
            # No watch: so much happened that some of it was left out.
            if watch in self._folders and name.startswith(".daddy-encode-") and name.endswith(".tmp"):
                self._made += 1
                aside = os.path.join(self._own[self._folders[watch]], f"aside-{self._made}")
                yield Target(os.path.join(self._folders[watch], name), aside, self._random.choice([True, False]))

    def _swap(self, target: Target) -> None:
        target.left -= 1
        if target.comes_back and target.left % 2:
            os.rename(target.path, target.aside)
        if target.comes_back and not target.left % 2:
            os.rename(target.aside, target.path)
            return
        if not target.comes_back:
            # Not where nothing is any more.
            os.lstat(target.path)
        os.rename(self._something(os.path.dirname(target.aside)), target.path)
        print("swapped", flush=True)

    def _something(self, folder: str) -> str:
        self._made += 1
        path = os.path.join(folder, str(self._made))
        kind = self._random.choice(["link", "nowhere", "FIFO", "hard link", "file"])
        if kind == "link":
            os.symlink(self._precious, path)
        elif kind == "nowhere":
            os.symlink(self._precious + "-not-there", path)
        elif kind == "FIFO":
            os.mkfifo(path)
        elif kind == "hard link":
            os.link(self._precious, path)
        else:
            with open(path, "wb") as stream:
                stream.write(ANOTHER)
        return path


if __name__ == "__main__":
    Swapper(sys.argv[1], int(sys.argv[2]), sys.argv[3:]).run()
