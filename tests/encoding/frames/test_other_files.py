"""Files that are no PNG are said to be what they are, as other programs write them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from daddy_encode.encoding.frames.other_files import format_of


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("JPEG", "a JPEG"),
        ("GIF", "a GIF"),
        ("WEBP", "a WebP picture"),
        ("BMP", "a BMP picture"),
        ("TIFF", "a TIFF"),
        ("PPM", "a PPM picture"),
        ("PNG", None),
    ],
)
def test_pictures_of_other_formats(kind: str, name: str | None) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    assert format_of(stream.getvalue()) == name
    assert format_of(stream.getvalue()[:1]) is None


def test_what_is_no_picture() -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    assert format_of(stream.getvalue()) == "a NumPy array"
    assert format_of(b"version https://git-lfs.github.com/spec/v1\noid sha256:0") == "a Git LFS pointer"
    assert format_of(b"") is format_of(b"anything else") is None
