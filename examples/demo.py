"""Runs the example suite against a local provider that counts every call it would bill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import fakeprovider  # noqa: E402

WORK = ROOT / ".demo"
CLIENTS = "the openai and anthropic SDKs, httpx, aiohttp and requests"


def run(
    provider: fakeprovider.Provider,
    title: str,
    *arguments: str,
    expected: int = 0,
    **variables: str,
) -> int:
    """One run of the suite; how many calls the provider billed for it."""
    shown = "".join(f"{name}={value} " for name, value in variables.items())
    print(f"\n=== {title}\n$ {shown}pytest {' '.join(arguments)}", flush=True)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"PROVIDER_URL": provider.url, "PY_COLORS": "0", **variables}
    environment.pop("ONETAKE_RUN_ID", None)
    before = provider.billed()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "-p", "no:cacheprovider"],
        cwd=WORK,
        env=environment,
        check=False,
    )
    if done.returncode != expected:
        sys.exit(f"The example suite ended with exit code {done.returncode}, not {expected}.")
    return provider.billed() - before


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "suite", WORK)
    with fakeprovider.running() as provider:
        print(f"A provider that counts every call runs at {provider.url}.")
        print(f"The suite calls it through {CLIENTS}.")
        first = run(provider, "Run one: nothing is recorded yet", "-n", "2", "-v")
        second = run(provider, "Run two: the same tests again", "-n", "2", "-v")
        third = run(
            provider,
            "Run three: a request has changed, and may not be paid again",
            *("test_what_changes.py", "--onetake-mode=replay", "--tb=no"),
            expected=1,
            DEMO_RUN="2",
        )
    recorded = sorted((WORK / "cassettes").rglob("*.json"))
    print("\n=== What the provider counted")
    print(f"run one:   {first:3} paid calls")
    print(f"run two:   {second:3} paid calls")
    print(f"run three: {third:3} paid calls")
    print(f"\nThe recordings are {len(recorded)} readable files, made for git:")
    for path in recorded:
        print(f"  {path.relative_to(ROOT)}")
    if second or third or not first:
        sys.exit("The later runs should have paid nothing.")


if __name__ == "__main__":
    main()
