"""What becomes of frames once they are encoded: videos proved, frames packed, frames deleted."""
