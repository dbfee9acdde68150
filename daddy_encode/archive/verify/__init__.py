"""Whether the videos of a receipt are whole, and show the frames that they were made of."""
