"""One job: its frames, the ffmpeg process, MP4, GIF, verification. The only place that knows ffmpeg exists."""
