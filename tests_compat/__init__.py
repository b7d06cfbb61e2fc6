"""The test suites of other recorders, run against onetake in their place.

`python -m tests_compat` fetches them from the package index (nothing of theirs is kept here), gives each a
virtual environment with what its tests need, with onetake and without the recorder, and runs it where only
loopback can be reached. What fails is compared with `deviations.toml`, which says why. `corpus` is the other
half: cassettes that vcrpy has recorded.
"""
