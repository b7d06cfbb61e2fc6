"""Names of the fixtures that onetake brings."""

OPENING = "_onetake_opening"
OURS = frozenset({OPENING, "onetake_config", "cassette"})
