"""A changed source stands in for a file of the product, in this process and in those that it starts.

Processes that are started read this very file as `sitecustomize`, before anything of the product is loaded.
It uses the standard library alone.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

MODULE: Final = "STAND_IN_FOR"
FILE: Final = "STAND_IN_FILE"


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        return compile(Path(os.environ[FILE]).read_text(), self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != os.environ[MODULE]:
            return None
        name = f"{fullname.rpartition('.')[2]}.py"
        found = next(str(Path(folder, name)) for folder in path or () if Path(folder, name).is_file())
        return spec_from_file_location(fullname, found, loader=_Loader(fullname, found))


def install() -> None:
    """Let the changed source stand in from now on; the module must not be loaded yet."""
    assert os.environ[MODULE] not in sys.modules
    sys.meta_path.insert(0, _Finder())


def stand_in(module: str, source: str, folder: Path) -> None:
    """Prepare this process, and those that it starts, for a changed module.

    Args:
        module: its dotted name.
        source: what stands in for it.
        folder: of this process alone.
    """
    shutil.copyfile(__file__, folder / "sitecustomize.py")
    changed = folder / "changed.py"
    changed.write_text(source)
    os.environ.update({MODULE: module, FILE: str(changed), "PYTHONPATH": str(folder)})
    install()


if __name__ == "sitecustomize":
    install()
