"""`python -m fakeprovider --port 0` prints its address and serves until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio

from fakeprovider.server import Server


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="fakeprovider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="end as well when standard input ends, so that no server outlives its parent",
    )
    arguments = parser.parse_args()
    asyncio.run(Server().serve(arguments.port, until_stdin_closes=arguments.until_stdin_closes))


if __name__ == "__main__":
    main()
