"""The arrows between the rooms of the house, read from the imports; no circle; the size of a module and of a room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "daddy_encode"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Python 3.10 loads subprocess for `platform`, which numpy and uuid import: what that loads does not count below.
BEFORE = "import platform, sys; before = set(sys.modules)\n"
# Room -> the rooms (or modules) of this package it may import. None: everything.
ARROWS: dict[str, set[str] | None] = {
    "errors": set(),
    "lazy_names": set(),
    "spool": {"spool", "errors"},
    "dump": {"dump", "spool", "errors", "lazy_names"},
    "rollout": {"rollout", "errors"},
    "encoding": {"encoding", "spool", "errors"},
    "archive": {"archive", "encoding", "spool", "errors", "report.log"},
    "service": {"service", "archive", "encoding", "spool", "errors", "report.log"},
    "cluster": {"cluster", "spool.paths", "errors", "lazy_names"},
    "report": {"report", "encoding.decoding", "encoding.frames", "spool", "errors"},
    "cli": None,
    "video_utils": {"dump", "encoding", "spool", "errors", "report.log"},
    "jobs": {"jobs", "service", "encoding", "spool", "cluster", "report", "errors"},
    "__init__": {"video_utils", "jobs", "lazy_names"},
    "__main__": {"cli"},
}
# Third-party or standard module -> the only rooms that may import it.
ONLY_IN = {
    "imageio_ffmpeg": {"encoding"},
    "subprocess": {"encoding", "cluster", "service", "dump"},
    "watchdog": {"service"},
    "click": {"cli", "report"},
    "isal": {"spool"},
    "gymnasium": {"dump", "rollout"},
}


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    room = room_of(path)
    allowed = ARROWS[room]
    for name in imports_of(path):
        top, _, inner = name.partition(".")
        if top == "daddy_encode":
            room_there = inner.split(".")[0]
            rooms = {room_there, ".".join(inner.split(".")[:2]), inner}
            assert allowed is None or rooms & allowed, f"{room} may not import {name}"
            assert room_there != "cli" or room in ("cli", "__main__"), "nobody imports cli"
        assert room in ONLY_IN.get(top, {room}), f"{room} may not import {name}"


def test_the_import_test_sees_imports() -> None:
    assert "daddy_encode.spool.rate" in set(imports_of(PACKAGE / "encoding" / "settings.py"))
    assert {room_of(path) for path in MODULES} == set(ARROWS)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def import_graph() -> dict[str, set[str]]:
    """The modules of the package that each imports: at the top, in a function, or for its type hints alone."""
    names = {name_of(path) for path in MODULES}
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        found = set(imports_of(path))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                # `from package import module` means the module, `from module import name` does not.
                members = {f"{node.module}.{alias.name}" for alias in node.names}
                if members <= names:
                    found.discard(str(node.module))
                found |= members
        graph[name_of(path)] = found & names
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, the first one repeated at the end; empty where there is none."""
    harmless: set[str] = set()

    def follow(way: list[str]) -> list[str]:
        for name in sorted(graph[way[-1]] - harmless):
            if name in way:
                return [*way[way.index(name) :], name]
            if found := follow([*way, name]):
                return found
        harmless.add(way[-1])
        return []

    return next((found for name in sorted(graph) if (found := follow([name]))), [])


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert not (circle := circle_in(import_graph())), " -> ".join(circle)


def test_the_circle_test_sees_circles_and_every_kind_of_import() -> None:
    assert circle_in({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []
    assert circle_in({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d", "b"]
    assert circle_in({"a": {"a"}}) == ["a", "a"]
    graph = import_graph()
    assert "daddy_encode.encoding.output" in graph["daddy_encode.encoding.job"]
    assert "daddy_encode.encoding.gif.palette" in graph["daddy_encode.encoding.gif.encode"], "in a function"
    assert "daddy_encode.encoding.gif.first_pass" in graph["daddy_encode.encoding.output"], "for type hints alone"
    assert "daddy_encode.encoding.option_values" in graph["daddy_encode.encoding.settings"], (
        "from package import module"
    )


@pytest.mark.parametrize("room", sorted({path.parent for path in MODULES}), ids=lambda path: path.name)
def test_a_room_holds_at_most_13_modules(room: Path) -> None:
    assert len([path for path in MODULES if path.parent == room and path.name != "__init__.py"]) <= 13


@pytest.mark.parametrize("path", [*MODULES, ROOT / "debug_rollout.py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_holds_one_thing_in_300_lines_and_says_which(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))


def test_writing_frames_loads_no_encoder() -> None:
    program = (
        f"{BEFORE}import numpy, tempfile, daddy_encode\n"
        "daddy_encode.save_frames_as_png(numpy.zeros((2, 4, 4, 3), numpy.uint8), tempfile.mkdtemp() + '/job')\n"
        "bad = {'imageio', 'imageio_ffmpeg', 'daddy_encode.encoding', 'click', 'watchdog', 'subprocess', 'PIL'}\n"
        "bad |= {'daddy_encode.dump.writer', 'daddy_encode.dump.worker'}\n"
        "print(sorted(bad & set(sys.modules) - before))"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout == "[]\n"


def test_the_one_process_a_rollout_starts_is_python_and_loads_no_encoder() -> None:
    room = [path for path in MODULES if room_of(path) == "dump"]
    assert [path.name for path in room if "subprocess" in set(imports_of(path))] == ["process.py"]
    program = (
        f"{BEFORE}import daddy_encode.dump.worker.__main__\n"
        "bad = {'imageio', 'imageio_ffmpeg', 'daddy_encode.encoding', 'click', 'watchdog', 'subprocess', 'PIL'}\n"
        "print(sorted(bad & set(sys.modules) - before))"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["--help"], ["encode", "--help"], ["submit", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        f"{BEFORE}import atexit\n"
        "bad = {'numpy', 'imageio', 'imageio_ffmpeg', 'watchdog', 'PIL', 'msgspec', 'subprocess'}\n"
        "atexit.register(lambda: print(sorted(bad & set(sys.modules) - before)))\n"
        f"sys.argv = ['daddy-encode', *{arguments!r}]\n"
        "from daddy_encode.cli.main import main; main()"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout.endswith("[]\n")
    assert "Usage: daddy-encode" in completed.stdout


def test_an_mp4_job_loads_nothing_that_other_jobs_need(job: Path) -> None:
    program = (
        "import click, fractions, json, logging, msgspec, subprocess, sys; before = set(sys.modules)\n"
        "import atexit\n"
        "bad = {'numpy', 'imageio', 'imageio_ffmpeg', 'PIL', 'watchdog', 'dataclasses', 'tempfile', 'socket'}\n"
        "bad |= {'daddy_encode.' + name for name in ('dump', 'jobs.results', 'cluster.submission')}\n"
        "bad |= {'daddy_encode.encoding.gif.' + name for name in ('first_pass', 'gifsicle', 'palette', 'writer')}\n"
        "atexit.register(lambda: print(sorted(bad & set(sys.modules) - before)))\n"
        f"sys.argv = ['daddy-encode', 'encode', {str(job)!r}]\n"
        "from daddy_encode.cli.main import main; main()"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert completed.stdout == "[]\n"
    assert job.with_name(f"{job.name}.mp4").exists()
