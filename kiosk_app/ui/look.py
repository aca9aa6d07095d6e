"""How a kiosk looks at its place: the town's brand, typefaces, map, and whether anything may move."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from kiosk_app.town.map import TownMap
from kiosk_app.ui.assets import Assets, find_assets
from kiosk_app.ui.theme import Brand, Tokens, read_brand, read_tokens

F1: Final = 282
"""The key of a keyboard that stands for the speaking key of the keypad, where no other is set (SDL)."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a kiosk looks.

    Attributes:
        brand: the town's name, mark and colours.
        assets: typefaces and icons.
        tokens: colours, sizes, times.
        motion: pages come with a movement.
        speak_key: the key code of the speaking key.
        town: its map; None where there is none.
    """

    brand: Brand
    assets: Assets
    tokens: Tokens = field(default_factory=read_tokens)
    motion: bool = True
    speak_key: int = F1
    town: TownMap | None = None

    @classmethod
    def read(
        cls, brand: Path, assets: Path | None = None, town: TownMap | None = None, *, motion: bool = True
    ) -> Self:
        """Read it from files.

        Args:
            brand: a town's TOML file, see `theme.read_brand`.
            assets: a folder of typefaces and icons; below the environment where none is named.
            town: its map; None where there is none.
            motion: pages come with a movement.

        Raises:
            InputError: the brand is not right.
            DeviceError: typefaces or icons are missing.
        """
        return cls(brand=read_brand(brand), assets=find_assets(assets), town=town, motion=motion)
