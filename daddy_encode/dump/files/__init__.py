"""What a recording leaves on disk: the directory, its frames, their annotations, and how much it may take."""
