"""Where a cassette's text is kept."""
