from __future__ import annotations

from tests_compat import deviations, peers

KNOWN = [
    deviations.Deviation(
        peer="vcrpy", group="internal", reason="...", tests=("t/a.py::test_x[*", "t/b.py*")
    )
]


def test_a_run_is_compared_with_what_is_known():
    outcomes = {
        "t/a.py::test_x[1]": "failed",
        "t/a.py::test_x[2]": "passed",
        "t/a.py::test_xy": "failed",
        "t/a.py::test_z": "passed",
        "t/b.py": "failed",
        "t/c.py::test_s": "skipped",
    }
    comparison = deviations.compare(outcomes, KNOWN)
    assert comparison.by_file == {
        "t/a.py": {"as listed": 1, "passed": 2, "unexpected": 1},
        "t/b.py": {"as listed": 1},
        "t/c.py": {"skipped": 1},
    }
    assert comparison.unexpected == ["t/a.py::test_xy"]
    assert comparison.better == ["t/a.py::test_x[2]"]


def test_every_deviation_says_whose_and_why():
    listed = deviations.read(peers.HERE / "deviations.toml")
    assert {one.peer for one in listed} <= {peer.name for peer in peers.PEERS}
    assert {one.group for one in listed} <= {"internal", "internet", "client", "defect"}
    assert all(one.reason and one.tests for one in listed)
