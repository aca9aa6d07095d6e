#!/bin/sh
# Flashes the boards of beacons: `./flash.sh --help`. What to do when: docs/FLASHING.md.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python="$here/.venv/bin/python"

if [ ! -x "$python" ]; then
    echo "flash.sh: there is no environment in $here/.venv; make it with: make setup" >&2
    exit 3
fi
exec "$python" -m shared.cli beacon flash "$@"
