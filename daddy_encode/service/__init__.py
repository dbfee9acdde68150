"""Many jobs: finding them, and encoding them side by side."""
