"""A fake project in a folder, and what came of running it."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.support.runs import run_python

# Every project can say `ask("text")`, `await ask_async("text")` and `chat("text")`: one call each. Without a
# cassette only the last is paid: its path is that of an API with a price, the others' is any local server's.
_CALLS = """\
import os

import httpx

URL = os.environ["PROVIDER_URL"] + "/echo"
PAID = os.environ["PROVIDER_URL"] + "/v1/chat/completions"


def ask(text):
    with httpx.Client() as client:
        return client.post(URL, json={"prompt": text}).json()


def chat(text):
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": "Bearer sk-test"}
    with httpx.Client() as client:
        return client.post(PAID, json=body, headers=headers).json()


def ask_quietly(text):
    try:
        ask(text)
    except Exception:
        pass


async def ask_async(text):
    async with httpx.AsyncClient() as client:
        return (await client.post(URL, json={"prompt": text})).json()
"""


_ALWAYS = ("-p", "onetake.pytest_plugin", "-p", "no:cacheprovider", "-W", "error")


@dataclass(frozen=True)
class Run:
    code: int
    output: str

    @property
    def outcomes(self) -> dict[str, int]:
        """`{"passed": 2, "failed": 1}` from pytest's last line."""
        last = [line for line in self.output.splitlines() if " in " in line and "s" in line][-1]
        found = re.findall(r"(\d+) (passed|failed|error|skipped|xfailed|xpassed|rerun)", last)
        return {word: int(count) for count, word in found}

    @property
    def verdicts(self) -> list[str]:
        """The line of each test under `-v`, as `[HIT] replayed=1`."""
        return re.findall(r"^  (\[[A-Z_:]+\].*)$", self.output, re.MULTILINE)

    def line(self, start: str) -> str:
        """The one line of the output that begins with `start`."""
        found = [line for line in self.output.splitlines() if line.startswith(start)]
        assert len(found) == 1, self.output
        return found[0]


@dataclass(frozen=True)
class Suite:
    root: Path
    url: str

    def write(self, name: str, source: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))

    def run(self, *arguments: str, plugins: tuple[str, ...] = (), **extra: str) -> Run:
        """`pytest ARGUMENTS`, with warnings as errors, and of other plugins only `plugins`."""
        chosen = [word for name in plugins for word in ("-p", name)]
        extra = {
            "PROVIDER_URL": self.url,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PY_COLORS": "0",
        } | extra
        done = run_python(self.root, "-m", "pytest", *_ALWAYS, *chosen, *arguments, **extra)
        return Run(done.returncode, done.stdout + done.stderr)

    def cassettes(self) -> list[str]:
        """The cassette files, from the folder `cassettes` on."""
        found = self.root.glob("**/cassettes/**/*.json")
        return sorted(path.relative_to(self.root).as_posix() for path in found)


def new_suite(root: Path, url: str) -> Suite:
    suite = Suite(root, url)
    suite.write("pytest.ini", "[pytest]\naddopts = --strict-markers\n")
    suite.write("calls.py", _CALLS)
    suite.write("conftest.py", "import sys\nsys.path.insert(0, __file__.rpartition('/')[0])\n")
    return suite
