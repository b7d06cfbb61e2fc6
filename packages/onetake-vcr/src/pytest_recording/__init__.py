"""pytest-recording's modules, as far as suites import them, over onetake."""
