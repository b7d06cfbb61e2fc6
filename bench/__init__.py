"""What onetake costs, against the floor and its peers, measured side by side in one run.

`make bench` runs everything but `million`, which takes minutes (`make bench ARGS="--only million"`);
`python -m bench --smoke` a tiny version of all. The floor of a client is its own
cost when the seam that onetake uses answers with a canned response built the same way (DESIGN section
13). A budget that is not met is said, and never fails the run: machines differ.
"""
