"""A virtual environment for each version of vcrpy, with the clients of its time, and one for onetake."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".compat" / "corpus"
ONETAKE_VCR = ROOT / "packages" / "onetake-vcr"
_ANY = ("requests", "httplib2", "botocore", "brotli")
_RUN_S = 300


@dataclass(frozen=True)
class Environment:
    """`recorder` is what is installed beside the `clients`, as pip reads it."""

    name: str
    recorder: str
    clients: tuple[str, ...]
    version: tuple[int, ...] = ()

    @property
    def folder(self) -> Path:
        return WORK / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"


def _vcrpy(version: str, *clients: str) -> Environment:
    number = tuple(map(int, version.split(".")))
    return Environment(f"vcrpy-{version}", f"vcrpy=={version}", clients + _ANY, number)


VCRPY = (
    _vcrpy("4.4.0", "urllib3<2", "httpx==0.24.*", "aiohttp==3.8.*"),
    _vcrpy("6.0.2", "urllib3==2.2.*", "httpx==0.27.*", "aiohttp==3.10.*"),
    _vcrpy("7.0.0", "urllib3==2.3.*", "httpx==0.28.*", "aiohttp==3.11.*"),
    _vcrpy("8.1.1", "urllib3==2.6.*", "httpx==0.28.*", "aiohttp==3.13.*"),
    _vcrpy("9.4.2", "urllib3", "httpx", "httpx2", "aiohttp"),
)
ONETAKE = Environment("onetake", "", ("urllib3", "httpx", "httpx2", "aiohttp", *_ANY))


def prepare(environment: Environment) -> None:
    """Makes it where it is not there yet. CalledProcessError where the index does not give it."""
    recorder = [environment.recorder] if environment.recorder else [f"-e{ROOT}", f"-e{ONETAKE_VCR}"]
    wanted = [*recorder, *environment.clients]
    done = environment.folder / ".prepared"
    if done.exists() and done.read_text() == "\n".join(wanted):
        return
    print(f"Preparing {environment.folder.relative_to(ROOT)} ...", flush=True)
    shutil.rmtree(environment.folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(environment.folder)], check=True)
    pip = (str(environment.python), "-m", "pip", "-qq", "--disable-pip-version-check")
    subprocess.run([*pip, "install", *wanted], check=True)
    done.write_text("\n".join(wanted))


def play(environment: Environment, *arguments: str, cwd: Path) -> str:
    """What the player prints. CalledProcessError where it ends otherwise."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("ONETAKE_", "AWS_")) and "PROXY" not in name.upper()
    }
    ours = [str(ROOT / "src"), str(ONETAKE_VCR / "src")]
    paths = [str(ROOT), *(ours if environment is ONETAKE else [])]
    done = subprocess.run(
        [str(environment.python), "-m", "tests_compat.corpus.player", *arguments],
        cwd=cwd,
        env={**clean, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=_RUN_S,
        check=True,
    )
    return done.stdout
