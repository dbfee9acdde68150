"""Frames converted to yuv420p here, where little changes from one to the next: ffmpeg then converts nothing."""
