"""GIF: colours, palette, timing, writing, reading back."""
