"""From a page to a scene."""

from kiosk_app.core.pages import Screen
from kiosk_app.ui.attract import draw_attract
from kiosk_app.ui.entry import draw_entry
from kiosk_app.ui.frame import draw_frame, frame_of
from kiosk_app.ui.moments import draw_receipt, draw_wait
from kiosk_app.ui.photos import draw_photos
from kiosk_app.ui.place import draw_place
from kiosk_app.ui.rows import draw_rows
from kiosk_app.ui.scene import Scene
from kiosk_app.ui.sheet import Sheet
from kiosk_app.ui.stage import Stage
from kiosk_app.ui.tiles import draw_tiles

_DRAWN = {
    Screen.TILES: draw_tiles,
    Screen.LIST: draw_rows,
    Screen.ENTRY: draw_entry,
    Screen.PHOTOS: draw_photos,
    Screen.PLACE: draw_place,
    Screen.REVIEW: draw_rows,
    Screen.WAIT: draw_wait,
    Screen.RECEIPT: draw_receipt,
}


def compose(stage: Stage) -> tuple[Scene, int]:
    """Return the scene of a page, and how many parts it has."""
    sheet = Sheet(stage)
    frame = frame_of(stage.theme, stage.size, len(stage.comforts))
    if stage.page.screen is Screen.ATTRACT:
        draw_attract(sheet, frame)
    else:
        room = draw_frame(sheet, frame)
        _DRAWN[stage.page.screen](sheet, frame, room)
    sheet.focus()
    scene = Scene(
        name=stage.page.name,
        ground=stage.theme.colours.paper,
        pieces=tuple(sheet.pieces),
        targets=tuple(sheet.targets),
        still=frozenset(sheet.still),
    )
    return scene, sheet.parts
