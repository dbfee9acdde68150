"""The ffmpeg executable and its processes."""
