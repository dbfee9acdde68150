"""`daddy_encode.show`: what a notebook gets is the video itself, escaped, of bounded size."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import daddy_encode
from daddy_encode import ShownVideo, save_frames_as_png, save_gif, save_mp4, show
from daddy_encode.errors import EncodeError, SettingsError, SpoolError
from tests.media import moving_square
from tests.report.gallery.pages import parse_html


def parsed(shown: ShownVideo) -> list[tuple[str, dict[str, str | None]]]:
    """The elements that a notebook gets, with their attributes, as a browser reads them."""
    return parse_html(shown._repr_html_()).tags


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder with clip.mp4 and clip.gif of 64x48."""
    frames = moving_square(5)
    save_mp4(frames, tmp_path / "clip.mp4", fps=30)
    save_gif(frames, tmp_path / "clip.gif", fps=10)
    return tmp_path


def test_a_notebook_gets_the_bytes_of_the_video(videos: Path) -> None:
    (video, flags), (source, where) = parsed(show(videos / "clip.mp4"))
    assert (video, source, where["type"]) == ("video", "source", "video/mp4")
    assert set(flags) == {"controls", "loop", "autoplay", "muted", "playsinline", "title", "style"}
    assert (where["src"] or "").startswith("data:video/mp4;base64,")
    assert base64.b64decode((where["src"] or "").partition(",")[2]) == (videos / "clip.mp4").read_bytes()
    ((image, about),) = parsed(show(videos / "clip.gif", width=64))
    assert (image, about["alt"]) == ("img", "clip.gif")
    assert base64.b64decode((about["src"] or "").partition(",")[2]) == (videos / "clip.gif").read_bytes()


def test_what_it_is_told_is_in_the_page(videos: Path) -> None:
    (_, flags), _ = parsed(show(videos / "clip.mp4", width=640, loop=False, autoplay=False, controls=False))
    assert set(flags) == {"muted", "playsinline", "title", "style"}
    assert flags["style"] == "width: 640px; max-width: 100%; image-rendering: pixelated"
    assert (parsed(show(videos / "clip.mp4", width=40))[0][1]["style"] or "").endswith("auto")
    assert parsed(show(videos / "clip.gif", width=128))[0][1]["style"] == flags["style"].replace("640", "128")


def test_a_job_what_encode_returns_and_a_receipt_are_shown(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(4), tmp_path / "job", video="both")
    with pytest.raises(SpoolError, match=r"no job\.mp4 beside it"):
        show(tmp_path / "job")
    mp4, gif = daddy_encode.encode(tmp_path / "job")
    (receipt,) = daddy_encode.receipts(tmp_path / "job")
    for shown in (show(tmp_path / "job"), show(mp4), show(receipt), show(str(tmp_path / "job.mp4"))):
        assert (shown.path, shown.bytes) == (mp4.path, mp4.bytes)
    assert show(gif).path == gif.path
    mp4.path.unlink()
    assert show(tmp_path / "job").path == gif.path


def test_of_several_sequences_the_one_that_is_named_is_shown(tmp_path: Path) -> None:
    (tmp_path / "ep1").mkdir()
    for kind in ("rgb", "depth"):
        for index, frame in enumerate(moving_square(3)):
            Image.fromarray(frame).save(tmp_path / "ep1" / f"{kind}_{index}.png")
    with pytest.raises(SpoolError, match=r"ep1: holds 2 sequences of frames: .* encode --split` makes a video of each"):
        show(tmp_path / "ep1")
    with pytest.raises(SpoolError, match=r"there is no ep1\.rgb\.mp4 beside it; `daddy-encode encode --split` makes"):
        show(tmp_path / "ep1" / "rgb_*.png")
    daddy_encode.encode(tmp_path / "ep1", split=True)
    assert show(tmp_path / "ep1" / "rgb_*.png").path == tmp_path / "ep1.rgb.mp4"
    with pytest.raises(SpoolError, match=r"its sequences of frames; name one: ep1\.depth\.mp4, ep1\.rgb\.mp4$"):
        show(tmp_path / "ep1")


def test_what_has_no_video_is_told_in_the_words_of_sheet(tmp_path: Path) -> None:
    for name in ("ppo", "ppo.v2"):
        save_frames_as_png(moving_square(2), tmp_path / "runs" / name / "ep0", fps=10)
    save_mp4(moving_square(2), tmp_path / "runs" / "ppo.v2.mp4", fps=10)
    save_frames_as_png(moving_square(2), tmp_path / "ep1", fps=10)
    daddy_encode.encode(tmp_path / "runs")
    for path in ("runs", "runs/ppo", "nothing", "ep1/rgb_*.png", "nothing/rgb_*.png"):
        with pytest.raises(SpoolError) as told:
            show(tmp_path / path)
        with pytest.raises(SpoolError) as expected:
            daddy_encode.sheet(tmp_path / path, output=tmp_path / "sheet.png")
        assert str(told.value) == str(expected.value)
        assert "name a job's directory or a video" in str(told.value) or "or not there" in str(told.value)


def test_in_a_terminal_it_says_which_file_it_is(videos: Path) -> None:
    shown = show(videos / "clip.mp4")
    assert repr(shown) == f"<{videos}/clip.mp4: {shown.bytes:,} bytes, shown in a notebook>"


def test_a_hostile_name_is_a_text(videos: Path) -> None:
    for number, name in enumerate(
        ('"><script>alert(1)</script>.mp4', "' onload='x.gif", "]]><img src=x onerror=x>.mp4", "\udcff&lt;.mp4")
    ):
        kind = name[-3:]
        path = videos / str(number) / name.replace("/", "\u2215")
        path.parent.mkdir()
        os.rename(videos / f"clip.{kind}", path)
        told = parsed(show(path))
        assert [tag for tag, _ in told] == (["video", "source"] if kind == "mp4" else ["img"])
        assert told[0][1]["title"] == path.name.encode("utf-8", "replace").decode()
        assert not any(attribute.startswith("on") for _, attributes in told for attribute in attributes)
        os.rename(path, videos / f"clip.{kind}")


def test_what_cannot_be_shown_is_an_error(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match="has more than 100 bytes, which a notebook would keep; give a larger max_bytes"
    ):
        show(videos / "clip.mp4", max_bytes=100)
    size = (videos / "clip.mp4").stat().st_size
    assert show(videos / "clip.mp4", max_bytes=size).bytes == size
    for wrong in (0, True, "480"):
        with pytest.raises(SettingsError, match=f"width is {wrong!r}"):
            show(videos / "clip.mp4", width=wrong)  # type: ignore[arg-type]
    many: list[Any] = ["1", 1e6, None, -5, 0]
    for most in many:
        with pytest.raises(SettingsError, match="max_bytes is"):
            show(videos / "clip.mp4", max_bytes=most)
    for kind in ("mp4", "gif"):
        data = (videos / f"clip.{kind}").read_bytes()
        for part in (b"", data[:40], data[:-10], b"x" * 100):
            (tmp_path / f"part.{kind}").write_bytes(part)
            with pytest.raises(EncodeError, match=rf"part\.{kind}: is not a whole video"):
                show(tmp_path / f"part.{kind}")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SpoolError, match=r"notes\.txt: is a file, and not an MP4 or a GIF by its name"):
        show(tmp_path / "notes.txt")
    with pytest.raises(SpoolError, match="No such file"):
        show(tmp_path / "nothing.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SpoolError, match="is a FIFO, not a video"):
        show(tmp_path / "pipe.mp4")
    save_frames_as_png(moving_square(2), tmp_path / "bad")
    (tmp_path / "bad" / "000001.png").write_bytes(b"")
    with pytest.raises(daddy_encode.errors.FrameError):
        daddy_encode.encode(tmp_path / "bad")
    (receipt,) = daddy_encode.receipts(tmp_path / "bad")
    with pytest.raises(SpoolError, match=r"no video was made of that job: .*000001\.png"):
        show(receipt)


@pytest.mark.soak
def test_ipython_shows_it_as_html(videos: Path) -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    shown = show(videos / "clip.mp4")
    data, _ = formatters.DisplayFormatter().format(shown)
    assert data["text/html"] == shown._repr_html_()
    assert data["text/plain"] == repr(shown)


@pytest.mark.soak
def test_a_notebook_that_is_run_holds_the_video(videos: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cell = nbformat.v4.new_code_cell(f"import daddy_encode\ndaddy_encode.show({str(videos / 'clip.mp4')!r})")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, timeout=60).execute()
    ((output,),) = (cell.outputs for cell in notebook.cells)
    assert output.data["text/html"] == show(videos / "clip.mp4")._repr_html_()
