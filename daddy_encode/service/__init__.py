"""Many jobs: find them, run them side by side."""
