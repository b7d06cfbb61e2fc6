"""Words that settings and rules choose from."""

VOLATILE = ("uuid", "iso-time", "epoch", "hex")
"""The built-in kinds of volatile values."""

TELEMETRY = ("local", "live", "record")
"""What may become of telemetry."""
