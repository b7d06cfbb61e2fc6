"""What users of other recorders have in their suites, spoken here; the engine beneath is onetake's."""
