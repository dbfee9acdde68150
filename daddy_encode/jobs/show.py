"""`daddy_encode.show`: a video in a notebook."""

from __future__ import annotations

import base64
import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daddy_encode.errors import SpoolError
    from daddy_encode.jobs.results import JobReceipt, SavedVideo
    from daddy_encode.spool.paths import JobPaths

# As HTML has them.
_MEDIA_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".gif": "image/gif"}
# Of a small video, such as Atari's, the pixels are enlarged as squares.
_SMALL = 320


@dataclass(frozen=True, repr=False)
class ShownVideo:
    """A video that a notebook plays, wherever it is displayed.

    Attributes:
        path: The file, as it was when it was read.
        bytes: Its size.
        html: The element that plays it, with the bytes of the file in it.
    """

    path: Path
    bytes: int
    html: str

    def __repr__(self) -> str:
        """What a terminal shows: which file it is."""
        return f"<{self.path}: {self.bytes:,} bytes, shown in a notebook>"

    def _repr_html_(self) -> str:
        return self.html


def show(
    video: str | os.PathLike[str] | SavedVideo | JobReceipt,
    *,
    width: int | None = None,
    loop: bool = True,
    autoplay: bool = True,
    controls: bool = True,
    max_bytes: int = 32 * 2**20,
) -> ShownVideo:
    """Play a video in a notebook, also where its server cannot see the file: the bytes go into the notebook.

    As the last line of a cell it plays; elsewhere, `display(show(…))` does. Without sound, as browsers ask of what
    begins by itself. Nothing of IPython is needed; in a terminal the object says which file it is.

    Args:
        video: A job's directory (the MP4 beside it, else the GIF), with the pattern of one of several sequences of
            frames (`DIR/rgb_*.png`), a video (.mp4, .gif), or one of what `encode` and `receipts` return. `~` is the
            home directory.
        width: At which it is shown, in pixels of the page. Default: its own, or where the page is narrower, that.
        loop: Whether it begins again at its end; of a GIF, its own loop count says that. Default: yes.
        autoplay: Whether it begins by itself. A GIF always does. Default: yes.
        controls: Whether there is a bar to pause and seek. A GIF has none. Default: yes.
        max_bytes: The largest file that is put into a notebook. Default: 32 MiB.

    Raises:
        SettingsError: The file is larger than `max_bytes`, or that or `width` is not a positive whole number (a
            ValueError).
        SpoolError: There is no such video, or it cannot be read.
        EncodeError: It is not a whole video, such as one that was cut off.
    """
    from daddy_encode.jobs.arguments import positive_number

    path = _path_of(video)
    if width is not None:
        positive_number("width", width)
    data = _read(path, positive_number("max_bytes", max_bytes))
    _check_whole(path, data)
    return ShownVideo(path, len(data), _html(path, data, width, loop=loop, autoplay=autoplay, controls=controls))


def _path_of(video: str | os.PathLike[str] | SavedVideo | JobReceipt) -> Path:
    """The file to show."""
    from daddy_encode.errors import SpoolError
    from daddy_encode.jobs.results import JobReceipt, SavedVideo
    from daddy_encode.spool.paths import JobPaths, user_path

    if isinstance(video, SavedVideo):
        return video.path
    if isinstance(video, JobReceipt):
        if not video.videos:
            raise SpoolError(f"{video.path}: no video was made of that job: {video.error or 'its receipt names none'}")
        return next((each.path for each in video.videos if each.kind == "mp4"), video.videos[0].path)
    path = user_path(video)
    if path.suffix.lower() in _MEDIA_TYPES and not path.is_dir():
        return path
    job = JobPaths.named(path)
    for found in (job.output("mp4"), job.output("gif")):
        if found.exists():
            return found
    raise _no_video(path, job)


def _no_video(path: Path, job: JobPaths) -> SpoolError:
    """The error where there is no video of what somebody has named: what would make one, or what to name."""
    from daddy_encode.errors import FrameError, SpoolError
    from daddy_encode.report.sheet.clip import nothing_to_show
    from daddy_encode.spool.frames import frame_sequence
    from daddy_encode.spool.walk import list_directory

    if job.pattern is None and (others := _videos_of_sequences(job)):
        return SpoolError(f"{path}: has a video of each of its sequences of frames; name one: {', '.join(others)}")
    try:
        names = list_directory(job.directory).frame_names
        advice = "`daddy-encode encode --split` makes a video of each"
        frames = frame_sequence(names, str(job.directory), job.pattern, advice=advice)
    except OSError:
        return nothing_to_show(path, job)
    except FrameError as error:
        return SpoolError(str(error))
    if not frames:
        return nothing_to_show(path, job)
    how = "encode" if job.pattern is None else "encode --split"
    return SpoolError(f"{path}: there is no {job.output('mp4').name} beside it; `daddy-encode {how}` makes it")


def _videos_of_sequences(job: JobPaths) -> list[str]:
    """The names of the videos of the sequences of frames in a job's directory, as their receipts say."""
    from daddy_encode.spool.paths import RECEIPT_SUFFIX
    from daddy_encode.spool.receipt import read_receipt

    try:
        names = os.listdir(job.base.parent)
    except OSError:
        return []
    videos = []
    for name in sorted(names):
        if name.startswith(f"{job.base.name}.") and name.endswith((".mp4", ".gif")):
            receipt = read_receipt(job.base.with_name(f"{name[:-4]}{RECEIPT_SUFFIX}"))
            if receipt is not None and receipt.sequence is not None:
                videos.append(name)
    return videos


def _check_whole(path: Path, data: bytes) -> None:
    """Raise EncodeError where a browser would show nothing, or a part. Others' videos are taken as they are."""
    from daddy_encode.errors import EncodeError

    if path.suffix.lower() == ".gif":
        is_whole = data.startswith(b"GIF8") and data.rstrip(b"\0").endswith(b";")
    else:
        at, kinds = 0, set[bytes]()
        while 0 <= at <= len(data) - 8:
            size = int.from_bytes(data[at : at + 4], "big")
            kinds.add(data[at + 4 : at + 8])
            if size == 1:
                size = int.from_bytes(data[at + 8 : at + 16], "big")
            # 0: to the end of the file.
            at = at + max(size, 8) if size else len(data)
        is_whole = at == len(data) and {b"ftyp", b"moov"} <= kinds
    if not is_whole:
        raise EncodeError(f"{path}: is not a whole video, {len(data):,} bytes; encode it again, or copy it again")


def _read(path: Path, max_bytes: int) -> bytes:
    import stat

    from daddy_encode.errors import SettingsError, SpoolError
    from daddy_encode.spool.held_file import SAFELY, kind_of
    from daddy_encode.spool.publish import reported

    with reported(path, "read"):
        # A FIFO or a device must not hold the notebook; a link is followed, since somebody has named it.
        descriptor = os.open(path, os.O_RDONLY | SAFELY & ~os.O_NOFOLLOW)
        with open(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise SpoolError(f"{path}: is a {kind_of(mode)}, not a video")
            data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise SettingsError(
            f"{path}: has more than {max_bytes:,} bytes, which a notebook would keep; give a larger max_bytes, or show "
            "a GIF or an MP4 of fewer pixels"
        )
    return data


def _html(path: Path, data: bytes, width: int | None, *, loop: bool, autoplay: bool, controls: bool) -> str:
    media_type = _MEDIA_TYPES[path.suffix.lower()]
    name = html.escape(path.name.encode("utf-8", "replace").decode(), quote=True)
    source = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    size = f"width: {width}px; " if width is not None else ""
    style = f"{size}max-width: 100%; image-rendering: {'pixelated' if _is_enlarged(path, data, width) else 'auto'}"
    if media_type == "image/gif":
        return f'<img src="{source}" alt="{name}" title="{name}" style="{style}">'
    flags = " ".join(
        flag for flag, wanted in (("controls", controls), ("loop", loop), ("autoplay", autoplay)) if wanted
    )
    return (
        f'<video {flags} muted playsinline title="{name}" style="{style}"><source src="{source}" type="{media_type}">'
        f"This notebook cannot play {name}.</video>"
    )


def _is_enlarged(path: Path, data: bytes, width: int | None) -> bool:
    """Whether it is a small video that is shown larger than it is."""
    import io

    from daddy_encode.encoding.gif.reader import read_gif
    from daddy_encode.encoding.mp4.reader import read_mp4
    from daddy_encode.errors import EncodeError

    if width is None:
        return False
    try:
        facts = read_gif(io.BytesIO(data)) if path.suffix.lower() == ".gif" else read_mp4(io.BytesIO(data))
    except EncodeError:
        return False
    return facts.width < width and facts.width <= _SMALL
