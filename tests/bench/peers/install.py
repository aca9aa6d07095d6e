"""The peers' own programs: installed once below `.peers/`, apart from everything of ours.

    peers = install()          # a minute or two the first time; None for what this machine cannot have
    peers.python, peers.node_red

Versions stand in `versions.toml`. Node.js is the machine's; node-red-node-sqlite compiles its SQLite against
the headers that Debian's libnode-dev puts in place.
"""

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = ROOT / ".peers"
VERSIONS: Final = Path(__file__).with_name("versions.toml")
NODE_HEADERS: Final = Path("/usr/include/node")
INSTALL_S: Final = 1_800


@dataclass(frozen=True, slots=True)
class Peers:
    """What is installed.

    Attributes:
        python: an interpreter with the Python peers; None where they cannot be had.
        node_red: Node-RED's main script; None where it cannot be had.
    """

    python: Path | None
    node_red: Path | None


def versions() -> dict[str, str]:
    """Return every peer's version by its name."""
    listed = tomllib.loads(VERSIONS.read_text())
    return {name: version for group in listed.values() for name, version in group.items()}


def install() -> Peers:
    """Install what is not there in its version."""
    FOLDER.mkdir(exist_ok=True)
    listed = tomllib.loads(VERSIONS.read_text())
    return Peers(_python(listed["python"]), _node_red(listed["node"]))


def _python(wanted: dict[str, str]) -> Path | None:
    place = FOLDER / "venv"
    python = place / "bin" / "python"
    pins = [f"{name}=={version}" for name, version in wanted.items()]
    if _is_there(place, pins):
        return python
    make = [[sys.executable, "-m", "venv", "--clear", str(place)]]
    fill = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins]
    return python if _done(place, pins, [*make, fill]) else None


def _node_red(wanted: dict[str, str]) -> Path | None:
    place = FOLDER / "node"
    script = place / "node_modules" / "node-red" / "red.js"
    pins = [f"{name}@{version}" for name, version in wanted.items()]
    if _is_there(place, pins):
        return script
    if shutil.which("npm") is None:
        print("Node-RED: no npm on this machine; it takes the Debian packages nodejs, npm, libnode-dev.")
        return None
    headers = ["--nodedir=/usr"] if NODE_HEADERS.is_dir() else []
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    fill = ["npm", "install", "--prefix", str(place), *quiet, *headers, *pins]
    return script if _done(place, pins, [fill]) else None


def _is_there(place: Path, pins: list[str]) -> bool:
    stamp = place / "installed.txt"
    return stamp.exists() and stamp.read_text().splitlines() == pins


def _done(place: Path, pins: list[str], commands: list[list[str]]) -> bool:
    """Run the commands; say what failed, and go on without that peer."""
    place.mkdir(exist_ok=True)
    print(f"Installing {', '.join(pins)} below {place.relative_to(ROOT)}", flush=True)
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
        if done.returncode:
            print(f"not installed: {' '.join(command[:3])} … ends with\n{done.stderr[-2000:]}")
            return False
    (place / "installed.txt").write_text("\n".join(pins) + "\n")
    return True
