"""PNG's bytes, for whoever writes or reads them: the format's constants, deflate, arrays of pixels, the writer."""
