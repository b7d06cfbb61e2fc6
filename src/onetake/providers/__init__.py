"""Knowledge about each API, as data."""
