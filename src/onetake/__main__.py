"""`python -m onetake`: the command, where its script is not on the path."""

from onetake.cli import main

main(prog_name="onetake")
