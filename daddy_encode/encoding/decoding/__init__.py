"""Videos that are there, decoded by ffmpeg: to the last frame, and beside what they should show."""
