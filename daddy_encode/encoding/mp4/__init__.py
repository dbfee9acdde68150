"""MP4: writing with ffmpeg, reading back."""
