"""The tests' own second users: they reach what they are given, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.users import Lab, User

READ = "import sys\nfor path in sys.argv[1:]:\n    print(open(path).read())"


def test_another_user_reaches_a_folder_below_closed_ones_and_nothing_beside_it(tmp_path: Path, nobody: User) -> None:
    inner = tmp_path / "closed" / "open" / "closed" / "given"
    inner.mkdir(parents=True)
    for path in (tmp_path / "closed", inner.parent):
        path.chmod(0o700)
    for path in (inner / "told", tmp_path / "closed" / "open" / "kept", inner / "private"):
        path.write_text(path.name)
    (inner / "private").chmod(0o600)
    assert nobody.python(READ, inner / "told", reach=[inner]).stdout == "told\n"
    for path in (tmp_path / "closed" / "open" / "kept", inner / "private"):
        told = nobody.python(READ, path, reach=[inner])
        assert told.returncode == 1, path
        assert "FileNotFoundError" in told.stderr or "PermissionError" in told.stderr


def test_two_users_of_a_group_share_a_folder_that_a_third_cannot_write_to(lab: Lab, shared: Path) -> None:
    write = "import sys; open(sys.argv[1], 'x').write('')"
    assert lab.victim.python(write, shared / "a", reach=[shared]).returncode == 0
    assert lab.mallory.python(write, shared / "b", reach=[shared]).returncode == 0
    assert "PermissionError" in lab.stranger.python(write, shared / "c", reach=[shared]).stderr
    made = {path.name: path.stat() for path in shared.iterdir()}
    assert {name: status.st_uid for name, status in made.items()} == {"a": lab.victim.uid, "b": lab.mallory.uid}
    assert {status.st_gid for status in made.values()} == {lab.gid}
