"""The frames of one job: its directory, which files are shown, and what goes to ffmpeg."""
