"""Every text that the demonstration shows, in Spanish and English: one table, Spanish first.

Rules: what a viewer reads stands here and nowhere else. A fault has a title, a sentence, what to watch, and a
sentence for its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """What the demonstration speaks."""

    ES = "es"
    EN = "en"


TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # the start
    "folder": ("Carpeta de la demostración: {path}", "The demonstration's folder: {path}"),
    "cap": (
        "Límites de serie, salvo la espera máxima entre intentos: {cap_s} s. Pausa al volver: 0-{hold_s} s.",
        "Shipped limits but for the longest wait between attempts: {cap_s} s. Calm on return: 0-{hold_s} s.",
    ),
    "input_file": ("Avisos reales de vecinos: {path}", "Real reports of citizens: {path}"),
    "input_made": (
        "Sin fichero de avisos: el pueblo es inventado.",
        "No file of reports: the town is invented.",
    ),
    "face_window": (
        "{device}: el quiosco de verdad, en una ventana.",
        "{device}: the real kiosk, in a window.",
    ),
    "face_offscreen": (
        "{device}: el quiosco de verdad; su pantalla se dibuja sin verse (KIOSK=window la muestra).",
        "{device}: the real kiosk; its screen is drawn unseen (KIOSK=window shows it).",
    ),
    "face_faceless": (
        "{device}: el programa del quiosco sin pantalla.",
        "{device}: the kiosk's program without a screen.",
    ),
    "face_none": (
        "{device}: su pantalla no arranca (mire su registro); sigue sin pantalla.",
        "{device}: its screen does not start (see its log); it goes on without one.",
    ),
    "cards": (
        "{devices}: validadores de verdad, con pcscd y {cards} tarjetas virtuales.",
        "{devices}: real card terminals, with pcscd and {cards} virtual cards.",
    ),
    "no_cards": (
        "{devices}: sin lector de tarjetas (make setup lo instala); sus viajes son inventados.",
        "{devices}: no card reader (make setup installs it); their rides are invented.",
    ),
    "starting": (
        "Arrancan la central, el gestor municipal y 8 aparatos…",
        "Starting hub, core and 8 devices…",
    ),
    # the live view
    "title": ("Ventanilla · demostración", "Ventanilla · demonstration"),
    "calm_title": ("Todo funciona", "Everything works"),
    "calm_text": ("Los vecinos usan la calle; todo llega.", "People use the street; everything arrives."),
    "calm_watch": ("las colas se quedan casi a cero.", "queues stay near zero."),
    "drain_title": ("Se vacían las colas", "The queues drain"),
    "drain_text": (
        "Nadie más llega; se espera a que todo esté.",
        "Nobody else comes; all that waits arrives.",
    ),
    "drain_watch": ("cada cola baja a cero.", "every queue falls to zero."),
    "watch": ("Mire: ", "Watch: "),
    "on_stage": ("EN ESCENA", "ON STAGE"),
    "device": ("aparato", "device"),
    "state": ("estado", "state"),
    "taken_column": ("tomados", "taken"),
    "queue_column": ("en cola", "queued"),
    "oldest_column": ("pago más antiguo", "oldest payment"),
    "site": ("lugar", "place"),
    "linked": ("● en línea", "● online"),
    "unlinked": ("○ sin conexión", "○ no connection"),
    "unpowered": ("× apagado", "× no power"),
    "fenced": ("! bloqueado", "! fenced"),
    "hub": ("Central", "Hub"),
    "core": ("Gestor municipal", "Municipal core"),
    "up": ("● funciona", "● works"),
    "down": ("× caída", "× down"),
    "core_down_word": ("× no atiende", "× away"),
    "hub_line": (
        "{committed} confirmados · {rate}/s · arranque {life} · cuarentena {quarantine} · pérdidas {losses}",
        "{committed} committed · {rate}/s · start {life} · quarantine {quarantine} · losses {losses}",
    ),
    "core_line": (
        "{requests} avisos · {settlements} cobros, {money} · {notices} respuestas · duplicados {duplicates}",
        "{requests} reports · {settlements} payments, {money} · {notices} notices · duplicates {duplicates}",
    ),
    "core_queue": ("esperan {outgoing}", "{outgoing} waiting"),
    "left_alone": ("en pausa", "left alone"),
    "progress": ("tomados", "taken"),
    # the faults
    "power_cut_title": ("Corte de luz en {device}", "Power cut at {device}"),
    "power_cut_text": (
        "Se va la luz mientras escribe; se rompe lo que el disco no aseguró.",
        "Power fails while it writes; what the disk had not secured is torn.",
    ),
    "power_cut_watch": (
        "al volver no falta ni un cobro y ninguno se repite.",
        "once back, no payment is missing and none is there twice.",
    ),
    "power_cut_end": (
        "{untold} sin recibo se piden otra vez.",
        "{untold} without a receipt are offered again.",
    ),
    "kiosk_cut_title": ("Corte de luz en {device}", "Power cut at {device}"),
    "kiosk_cut_text": (
        "Se va la luz con un aviso escrito del todo y sin enviar.",
        "Power fails with a report all typed and not sent.",
    ),
    "kiosk_cut_watch": (
        "nada de lo escrito queda en el quiosco; el vecino lo repite.",
        "nothing typed is left on the kiosk; the citizen starts again.",
    ),
    "kiosk_cut_end": (
        "textos legibles en su disco: {found}.",
        "readable texts on its disk: {found}.",
    ),
    "torn_tap_title": ("Tarjeta retirada en {device}", "Card pulled away at {device}"),
    "torn_tap_text": (
        "Retiran la tarjeta al cobrar, y el autobús se queda sin luz.",
        "A card is pulled away as it pays, and the bus loses its power.",
    ),
    "torn_tap_watch": (
        "al acercarla otra vez, la propia tarjeta dice si pagó.",
        "held there again, the card itself tells whether it paid.",
    ),
    "torn_tap_end": ("cobros en la tarjeta: {times}.", "charges on the card: {times}."),
    "cloned_card_title": ("Tarjeta copiada en {device}", "Copied card at {device}"),
    "cloned_card_text": (
        "Alguien viaja con la copia de una tarjeta; el autobús no puede saberlo.",
        "Somebody rides with a copy of a card; the bus cannot know.",
    ),
    "cloned_card_watch": (
        "la central ve un número dos veces y avisa; alguien la bloquea.",
        "the hub sees one number twice; a clerk blocks the card.",
    ),
    "cloned_card_end": ("rechazada {seconds} s después.", "turned away {seconds} s later."),
    "core_down_title": ("Gestor municipal caído", "Municipal core down"),
    "core_down_text": ("El gestor municipal muere (kill -9).", "The municipal core dies (kill -9)."),
    "core_down_watch": (
        "la calle sigue; lo que espera se guarda en la central.",
        "the street goes on; what waits is kept at the hub.",
    ),
    "core_down_end": ("vuelve el gestor.", "the core is back."),
    "core_late_title": ("El gestor contesta tarde", "The core answers late"),
    "core_late_text": (
        "Anota cada aviso, pero lo dice {seconds} s después: la central ya no espera.",
        "It files each report but says so {seconds} s later: the hub has given up.",
    ),
    "core_late_watch": (
        "la central busca antes de repetir; duplicados sigue en 0.",
        "the hub searches before it repeats; duplicates stay at 0.",
    ),
    "core_late_end": ("no se duplicó nada.", "nothing was filed twice."),
    "restored_title": ("Base de datos perdida", "Database lost"),
    "restored_text": (
        "Muere el disco de la central; se repone la copia de hace un momento.",
        "The hub's disk dies; the backup of a moment ago is put back.",
    ),
    "restored_watch": (
        "los aparatos repiten lo que la copia no sabe; duplicados: 0.",
        "devices send again what the copy lacks; duplicates stay at 0.",
    ),
    "restored_end": (
        "{again} que la copia no tenía han vuelto.",
        "{again} that the copy lacked are back.",
    ),
    "hub_title": ("Central caída", "Hub down"),
    "hub_text": (
        "La central y su mensajería mueren (kill -9); la gente sigue pagando.",
        "The hub and its broker die (kill -9); people go on paying.",
    ),
    "hub_watch": ("crecen las colas; al volver se vacían.", "queues grow, and drain on its return."),
    "hub_end": ("la central vuelve a tomar.", "the hub takes again."),
    "disk_lost_title": ("Disco perdido en {device}", "Disk lost at {device}"),
    "disk_lost_text": (
        "Su disco muere con envíos anunciados y sin entregar: no tienen vuelta.",
        "Its disk dies with events announced and not delivered: they are gone.",
    ),
    "disk_lost_watch": (
        "queda anotado qué números faltan: una pérdida, nunca un silencio.",
        "which numbers are missing is put on record: a loss, never a silence.",
    ),
    "disk_lost_end": ("{lost} perdidos, los {lost} anotados.", "{lost} lost, all {lost} on record."),
    "broker_title": ("Mensajería caída", "Broker down"),
    "broker_text": (
        "El mensajero muere (kill -9) y lo olvida todo.",
        "The broker dies (kill -9) and forgets everything.",
    ),
    "broker_watch": (
        "nadie depende de su memoria: los aparatos lo envían otra vez.",
        "nobody relies on its memory: devices send again.",
    ),
    "broker_end": ("hay mensajero nuevo.", "there is a new broker."),
    "rolled_back_title": ("Disco antiguo en {device}", "Disk rolled back at {device}"),
    "rolled_back_text": (
        "Reponen una copia vieja de su disco; la central bloquea sus cobros.",
        "An old image of its disk is put back; the hub fences its payments.",
    ),
    "rolled_back_watch": (
        "cobros nuevos en cuarentena hasta que una persona los libera.",
        "new payments wait in quarantine until a person releases them.",
    ),
    "rolled_back_end": (
        "{released} liberados; {lost} perdidos, anotados.",
        "{released} released; {lost} lost, on record.",
    ),
    # the end
    "sum_title": ("Las cuentas", "The sum"),
    "sum_taken": ("Tomados: se dijo «hecho» a una persona", "Taken: a person was told “done”"),
    "sum_committed": ("Confirmados en la central", "Committed at the hub"),
    "sum_lost": ("Perdidos, con su registro de pérdida", "Lost, with a loss record"),
    "sum_unexplained": ("Perdidos sin explicación", "Lost without explanation"),
    "sum_in_core": ("En el gestor municipal, preguntado a él", "In the municipal core, asked there"),
    "sum_duplicated": ("Duplicados", "Duplicated"),
    "sum_unexpected": ("En el gestor y nadie los tomó", "In the core and taken by nobody"),
    "sum_money": ("Dinero: calle = libro = gestor", "Money: street = ledger = core"),
    "sum_money_lost": ("Dinero en lo perdido y anotado", "Money in what was lost and recorded"),
    "loss_title": ("Registros de pérdida", "Loss records"),
    "loss_columns": (
        "aparato|carril|época|del|al|llegaron luego|motivo",
        "device|lane|epoch|from|to|came after all|reason",
    ),
    "loss_more": (
        "+ y quizá más, de los que la central no oyó",
        "+ and maybe more, never announced to the hub",
    ),
    "reason_gone": ("disco perdido", "disk lost"),
    "reason_rolled_back": ("disco antiguo", "disk rolled back"),
    "reason_fork": ("disco copiado", "disk copied"),
    "reason_corrupt": ("línea dañada", "damaged line"),
    "reason_evicted": ("sin sitio", "no room"),
    "reason_expired": ("caducado", "expired"),
    "fault_title": ("Lo que se rompió", "What broke"),
    "fault_columns": ("avería|duró|y después", "fault|lasted|and then"),
    "adds_up": (
        "✔ Cuadra: todo llegó una vez, o consta por qué no.",
        "✔ It adds up: once each, or on record why not.",
    ),
    "adds_not": (
        "✘ No cuadra. Mire demo-report.json y los registros en {path}",
        "✘ It does not add up. See demo-report.json and the logs in {path}",
    ),
    "at_kiosks": (
        "{kiosks} avisos por las páginas de los quioscos; {taps} viajes con tarjeta; {others} en los demás.",
        "{kiosks} reports through the kiosks' own pages; {taps} rides by card; {others} at other devices.",
    ),
    "report_at": ("Informe: {path}", "Report: {path}"),
    "wall": (
        "Duró {wall_s} s; algo estuvo roto durante {outage_s} s.",
        "It took {wall_s} s; something was broken for {outage_s} s.",
    ),
    "stay": (
        """Sigue en marcha. Central https://127.0.0.1:{hub} · gestor http://127.0.0.1:{core}
Testigo de la API: {token}
Para terminar: Ctrl-C""",
        """It stays. Hub https://127.0.0.1:{hub} · core http://127.0.0.1:{core}
Token of the API: {token}
To end it: Ctrl-C""",
    ),
    "interrupted": ("Interrumpido; todo se ha parado.", "Interrupted; everything is stopped."),
}


@dataclass(frozen=True, slots=True)
class Speech:
    """The table in one language."""

    language: Language

    def __call__(self, text: str, /, **values: object) -> str:
        """Return the text of that name with its values filled in."""
        return TEXTS[text][list(Language).index(self.language)].format(**values)

    def money(self, minor: int) -> str:
        """Write cents as euros."""
        whole, cents = divmod(abs(minor), 100)
        sign = "-" if minor < 0 else ""
        if self.language is Language.ES:
            return f"{sign}{whole:,}".replace(",", ".") + f",{cents:02d} €"
        return f"{sign}€{whole:,}.{cents:02d}"
