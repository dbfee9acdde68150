"""Deleting the frames of jobs whose videos are proved."""
