"""A peer's suite: fetched, given an environment, and run."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
WORK = ROOT / ".compat"
ONETAKE_VCR = ROOT / "packages" / "onetake-vcr"
_REPLACED = ("vcrpy", "pytest-recording")
_RUN_S = 900
_WHOLE = (0, 1)  # pytest's exit codes where every test was run


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A recorder in the package index, and how its suite is started."""

    name: str
    version: str
    extra: str = "tests"
    plugins: tuple[
        str, ...
    ] = ()  # pytest's, also for the runs that its tests start; empty: all installed

    @property
    def folder(self) -> Path:
        return WORK / f"{self.name}-{self.version}"

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def suite(self) -> Path:
        return self.folder / "suite"


PEERS = (
    Peer(name="vcrpy", version="9.4.2"),
    Peer(
        name="pytest-recording",
        version="0.14.1",
        plugins=(
            *("pytest_httpbin.plugin", "pytest_mock", "pytest_timeout"),
            *("onetake.pytest_plugin", "onetake_vcr.plugin"),
        ),
    ),
)


def prepare(peer: Peer) -> None:
    """Makes what is not there yet; CalledProcessError where the index does not give it."""
    done = peer.folder / ".prepared"
    if done.exists():
        return
    shutil.rmtree(peer.folder, ignore_errors=True)
    peer.folder.mkdir(parents=True)
    print(f"Preparing {peer.folder.relative_to(ROOT)} ...", flush=True)
    _run(sys.executable, "-m", "venv", str(peer.folder / "venv"))
    pip = (str(peer.python), "-m", "pip", "-qq", "--disable-pip-version-check")
    source = ("--no-deps", "--no-binary", ":all:", "--dest", str(peer.folder))
    _run(*pip, "download", *source, f"{peer.name}=={peer.version}")
    (archive,) = peer.folder.glob("*.tar.gz")
    _unpack(archive, peer.suite)
    _run(*pip, "install", "-e", f"{ROOT}", "-e", str(ONETAKE_VCR), "pytest-timeout", *_needed(peer))
    done.touch()


def run(peer: Peer, arguments: Sequence[str]) -> dict[str, str]:
    """The outcome of each test by its id: `passed`, `failed` or `skipped`. SubprocessError for half a run."""
    outcomes = peer.folder / "outcomes.txt"
    outcomes.write_text("")
    authority = _run(str(peer.python), "-m", "pytest_httpbin.certs").strip()
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if name != "CI" and not name.startswith("ONETAKE_")
        },
        "PYTHONPATH": os.pathsep.join(
            map(str, (HERE / "plugin", ROOT / "src", ONETAKE_VCR / "src"))
        ),
        "REQUESTS_CA_BUNDLE": authority,
        "COMPAT_OUTCOMES": str(outcomes),
    }
    if peer.plugins:
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        environment["PYTEST_PLUGINS"] = ",".join(peer.plugins)
    command = [
        *(str(peer.python), "-m", "pytest", "-q", "--tb=short", "--timeout=30"),
        *("--continue-on-collection-errors", "--config-file=pyproject.toml"),
        *("-p", "no:cacheprovider", "-p", "compat_run", *arguments),
        *(() if peer.plugins else ("-p", "no:onetake")),
    ]
    with (peer.folder / "output.txt").open("w") as output:
        done = subprocess.run(
            [*_loopback_only(), *command],
            cwd=peer.suite,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_RUN_S,
            check=False,
        )
    if done.returncode not in _WHOLE:
        raise subprocess.CalledProcessError(done.returncode, "its suite, which ended early,")
    return _read(outcomes.read_text(encoding="utf-8"))


def _read(lines: str) -> dict[str, str]:
    """A test that fails in any phase has failed."""
    found: dict[str, str] = {}
    for line in lines.splitlines():
        outcome, _, test = line.partition(" ")
        name = ast.literal_eval(test)
        if found.get(name) != "failed":
            found[name] = outcome
    return found


def _unpack(archive: Path, suite: Path) -> None:
    """The tests and the settings for pytest, without the recorder itself, which would be imported."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            _, _, inside = member.name.partition("/")
            if inside == "pyproject.toml" or inside.startswith("tests/"):
                tar.extract(member.replace(name=inside), suite, filter="data")
    (suite / ".editorconfig").write_text("root = true\n")  # two tests of vcrpy upload it


def _needed(peer: Peer) -> list[str]:
    """The requirements of its tests, but for the recorders."""
    project = tomllib.loads((peer.suite / "pyproject.toml").read_text())["project"]
    every = [*project["dependencies"], *project["optional-dependencies"][peer.extra]]
    return [one for one in every if re.split(r"[^\w-]", one.strip())[0] not in _REPLACED]


def _loopback_only() -> list[str]:
    """What starts a command in a network of its own; nothing where this system does not let us."""
    prefix = ["unshare", "--map-root-user", "--net", "--", "sh", "-c"]
    up = "ip link set lo up"
    if shutil.which("unshare") is None:
        return []
    tried = subprocess.run([*prefix, up], capture_output=True, check=False)
    return [*prefix, f'{up} && exec "$@"', "sh"] if tried.returncode == 0 else []


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=WORK, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout
