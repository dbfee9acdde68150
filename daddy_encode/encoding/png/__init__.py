"""PNG files checked to their last pixel, and made into what ffmpeg is given."""
