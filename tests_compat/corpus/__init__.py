"""Cassettes that vcrpy itself has recorded, replayed by onetake: the clients are to see the same.

`python -m tests_compat.corpus` gives each version of vcrpy an environment of its own with the clients that it
supports, records the scenarios there against a local server, and lets vcrpy replay them. Then the same program
runs without vcrpy, with onetake and the clients of today: through the facade, and with the cassettes read in
place. At last vcrpy replays what onetake has recorded. The server counts: no replay may reach it.

`scenarios` says what is asked, `clients` how each client asks it and what it sees, `player` is the program
that runs in the environments, `server` answers, `comparison` judges. The clients' programs import neither
onetake nor each other's environments, so that they run beside any version.
"""
