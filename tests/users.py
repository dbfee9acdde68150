"""Real second users: made for the tests and removed again, and commands that run as one of them.

The checkout, its Python and the tests' folders may lie below a directory that only its owner may enter, such as root's
home. A user's command then runs in a mount namespace of its own, where each such directory is covered by an empty one
that everybody may enter, and what the command needs is mounted back into it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pwd
import secrets
import shutil
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Run by root, alone: covers what the user cannot enter, becomes the user, and then the command.
BECOME = r"""
import ctypes, json, os, sys
order = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC = 4096, 16384

def mount(source, target, kind, flags, data):
    if libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, data):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)

def closed(path):
    # The topmost directory on the way to `path` that others cannot enter.
    parts = path.split("/")[1:-1]
    for count in range(len(parts)):
        above = "/" + "/".join(parts[: count + 1])
        if not os.path.isdir(above):
            # What was above it is covered already.
            return None
        if not os.stat(above).st_mode & 0o001:
            return above

needed = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in sorted(order["needed"], key=len)}
for path, held in needed.items():
    while (above := closed(path)) is not None:
        mount("tmpfs", above, b"tmpfs", 0, b"mode=755,size=1m")
        os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.isdir(path):
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{held}", path, None, MS_BIND | MS_REC, None)
for held in needed.values():
    os.close(held)
os.setgroups(order["groups"])
os.setgid(order["gid"])
os.setuid(order["uid"])
os.umask(order["umask"])
os.chdir("/")
os.execvp(sys.argv[2], sys.argv[2:])
"""
ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 300.0


@dataclass(frozen=True)
class User:
    """A user of this machine.

    Attributes:
        name: The login name.
        uid: The number.
        gid: The number of the primary group.
        groups: The numbers of the other groups.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def command(self, program: Sequence[str | Path], reach: Sequence[Path] = (), umask: int = 0o022) -> list[str]:
        """The command line that root has to run, so that this user runs `program`, in the directory /.

        Args:
            program: A program and its arguments.
            reach: Directories that the user shall be able to enter whatever is above them; their own modes count.
            umask: The user's.
        """
        needed = [*_python_directories(), *map(os.path.abspath, reach)]
        order = {"needed": needed, "uid": self.uid, "gid": self.gid, "groups": self.groups, "umask": umask}
        # The real interpreter: one that a virtual environment links to may not be found once that is covered.
        become = [os.path.realpath(sys.executable), "-I", "-S", "-c", BECOME, json.dumps(order)]
        if any(map(_is_closed, needed)):
            become = ["unshare", "--mount", "--propagation", "private", "--", *become]
        return [*become, *map(str, program)]

    def start(
        self, *arguments: str | Path, reach: Sequence[Path] = (), umask: int = 0o022, **options: Any
    ) -> subprocess.Popen[str]:
        """Start `daddy-encode` with `arguments` as this user; `options` are those of Popen."""
        command = self.command([sys.executable, "-m", "daddy_encode", *arguments], reach, umask)
        return subprocess.Popen(command, text=True, env=self._environment(options), **options)

    def run(
        self, *arguments: str | Path, reach: Sequence[Path] = (), umask: int = 0o022, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run `daddy-encode` with `arguments` as this user, to its end."""
        return self._run([sys.executable, "-m", "daddy_encode", *arguments], reach, umask, options)

    def python(
        self, code: str, *arguments: str | Path, reach: Sequence[Path] = (), umask: int = 0o022, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run Python code as this user, to its end; `sys.argv[1:]` are `arguments`, and `tests` can be imported."""
        return self._run([sys.executable, "-c", code, *arguments], reach, umask, options)

    def start_python(
        self, code: str, *arguments: str | Path, reach: Sequence[Path] = (), umask: int = 0o022, **options: Any
    ) -> subprocess.Popen[str]:
        """Start Python code as this user, as `python` does."""
        command = self.command([sys.executable, "-c", code, *arguments], reach, umask)
        return subprocess.Popen(command, text=True, env=self._environment(options), **options)

    def _run(
        self, program: Sequence[str | Path], reach: Sequence[Path], umask: int, options: dict[str, Any]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(program, reach, umask),
            env=self._environment(options),
            **{"capture_output": True, "text": True, "timeout": TIMEOUT, "check": False, **options},
        )

    def _environment(self, options: dict[str, Any]) -> dict[str, str]:
        more = options.pop("env", {})
        own = {"HOME": "/", "USER": self.name, "LOGNAME": self.name, "PYTHONDONTWRITEBYTECODE": "1"}
        return {**os.environ, "PYTHONPATH": str(ROOT), **own, **more}


@dataclass(frozen=True)
class Lab:
    """Two users of one group, and a third who is in no group of theirs.

    Attributes:
        group: The name of the group.
        gid: Its number.
        victim: One user, who does no harm.
        mallory: Another, who may.
        stranger: Somebody else.
    """

    group: str
    gid: int
    victim: User
    mallory: User
    stranger: User

    def folder(self, path: Path, owner: User | None = None, mode: int = 0o2775) -> Path:
        """Make a folder of the group at `path`, the victim's by default."""
        path.mkdir()
        os.chown(path, (owner or self.victim).uid, self.gid)
        path.chmod(mode)
        return path


def nobody() -> User:
    """A user who owns nothing and is in no group; skips where nobody can be become."""
    require_root()
    user = User("nobody", 65534, 65534)
    check(user)
    return user


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """Make a group and three users, for the length of the block; skips where that cannot be."""
    from tests.conftest import missing

    require_root()
    for program in ("groupadd", "useradd", "userdel", "groupdel"):
        if shutil.which(program) is None:
            missing(f"{program} is missing: install the Debian package passwd")
    mark = f"de{secrets.token_hex(4)}"
    made: list[str] = []
    try:
        _change_accounts("groupadd", mark)
        for name in ("v", "m", "s"):
            groups = ["--groups", mark] if name != "s" else []
            _change_accounts("useradd", "--no-create-home", "--home-dir", "/", *groups, f"{mark}{name}")
            made.append(f"{mark}{name}")
        victim, mallory, stranger = map(_user, made)
        check(victim)
        gid = victim.groups[0]
        yield Lab(mark, gid, victim, mallory, stranger)
    finally:
        for name in made:
            _change_accounts("userdel", name)
        with contextlib.suppress(AssertionError):
            _change_accounts("groupdel", mark)


def require_root() -> None:
    """Skip where no other user can be become."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")


@functools.cache
def check(user: User) -> None:
    """Skip where this system does not let `user` run this checkout."""
    if shutil.which("unshare") is None:
        from tests.conftest import missing

        missing("unshare is missing: install the Debian package util-linux")
    done = user.run("--version")
    if done.returncode != 0:
        pytest.skip(f"another user cannot run this checkout here: {done.stderr.strip()[-300:]}")


def _user(name: str) -> User:
    entry = pwd.getpwnam(name)
    others = [number for number in os.getgrouplist(name, entry.pw_gid) if number != entry.pw_gid]
    return User(name, entry.pw_uid, entry.pw_gid, tuple(others))


def _change_accounts(*command: str) -> None:
    """Run a program for accounts; another may have the files locked, or a process of the user may be ending."""
    end = time.monotonic() + 120
    while True:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0:
            return
        passes = "lock" in done.stderr or done.returncode in (1, 8, 10)
        assert passes and time.monotonic() < end, f"{' '.join(command)}: {done.stderr}"
        time.sleep(0.2)


@functools.cache
def _python_directories() -> tuple[str, ...]:
    """What a command needs: the checkout, the interpreter and all that it imports from."""
    import imageio_ffmpeg

    found: set[str] = {
        str(ROOT),
        sys.prefix,
        sys.exec_prefix,
        sys.base_prefix,
        *site.getsitepackages(),
        tempfile.gettempdir(),
    }
    found |= set(filter(None, sys.path))
    for program in (sys.executable, imageio_ffmpeg.get_ffmpeg_exe()):
        found |= {os.path.dirname(program), os.path.dirname(os.path.realpath(program))}
    paths = {os.path.abspath(path) for path in found if os.path.isdir(path)}
    paths |= {os.path.realpath(path) for path in paths}
    # What lies in another one comes with it, unless something closed is between them.
    return tuple(
        path
        for path in sorted(paths)
        if not any(path.startswith(f"{other}/") and not _is_closed(path, below=other) for other in paths)
    )


def _is_closed(path: str, below: str = "/") -> bool:
    """Whether one of the directories on the way to `path` (from `below`) is not to be entered by others."""
    return any(not os.stat(above).st_mode & 0o001 for above in map(str, Path(path).parents) if above.startswith(below))
