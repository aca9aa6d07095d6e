"""What a measurement was made on: a figure without its machine says nothing."""

import os
import platform
import shutil
import sqlite3
import subprocess
from pathlib import Path

from tests.bench.peers.install import ROOT, versions


def describe() -> dict[str, str]:
    """Describe the machine and the versions that matter, by name."""
    found = {
        "processor": f"{_of('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "memory": f"{int(_of('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "kernel": platform.release(),
        "disk": _file_system(),
        "Python": platform.python_version(),
        "SQLite of Python": sqlite3.sqlite_version,
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
    }
    if shutil.which("node"):
        found["Node.js"] = _said("node", "--version")
    return found | versions()


def _of(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _file_system() -> str:
    fields = _said("findmnt", "-n", "-o", "FSTYPE,SOURCE", "--target", str(ROOT)).split()
    return " on ".join(fields) if fields else "unknown"


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
