"""One job: settings, frame source, ffmpeg process, MP4, GIF, verify. The only place that knows ffmpeg exists."""
