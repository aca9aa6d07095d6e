"""The page of figures: every table has its place, what misses its goal says so, peers are tried fairly."""

import re

import pytest

from tests.bench import page
from tests.bench.peers.fate import Fate
from tests.bench.peers.install import VERSIONS, versions
from tests.bench.peers.node_red_flow import flow
from tests.bench.plots import Bar, bars

FATE = Fate.of(2, {"a", "b", "c"}, {"a": 1, "b": 3, "d": 1})


def figure(name: str, ratio: float, against: str = "floor") -> dict[str, object]:
    return {"name": name, "value": 12_345, "unit": "events/s", "against": against, "ratio": ratio}


def part(*rows: dict[str, object]) -> page.Part:
    return page.Part(at="2026-11-22 05:00 UTC", minutes=1.5, rows=list(rows))


def results() -> page.Results:
    full = {"told": 9, "held": 9, "arrived": 9, "arrivals": 12, "left": 0, "ended": ""}
    peers = (
        {**FATE.row("peers.store plain table", "killed"), "syncs": 1.0},
        FATE.row("peers.chain ventanilla", "sender killed"),
        {**figure("peers.full_disk Node-RED, durable", 1.0), **full},
        figure("peers.told ventanilla", 1.0),
        figure("peers.append diskcache, as shipped", 0.5),
    )
    parts = {
        "outbox": part(figure("outbox.append cases", 0.49), figure("outbox.append beside: plain table", 0.8)),
        "full_disk": part(figure("outbox.full_disk ours", 1.0, "all")),
        "ingest": part(figure("ingest.batched", 0.4, "raw sqlite3, same rows and groups")),
        "herd": part(figure("ingest.herd memory", 0.8, "300 MB")),
        "forward": part(figure("forward.catch_up", 9.0, "120")),
        "simulate": part(figure("simulate.seeds", 2.0, "20 seeds/s")),
        "kiosk": part(figure("kiosk.submit", 0.5, "150 ms, p95")),
        "memory": part(figure("kiosk.memory", 0.9, "300 MB")),
        "card": part(figure("tap.apdus", 1.0, "8")),
        "beacon": part(figure("beacon.heap_used", 0.9, "40 KB")),
        "receiver": part(figure("receiver.match", 0.6, "0.1 ms")),
        "screen": part(figure("screen.cold_start", 0.5, "2 s")),
        "peers": part(*peers),
    }
    return page.Results(machine={"processor": "one"}, parts=parts)


def test_every_table_has_its_place_on_the_page_and_every_place_its_table() -> None:
    text = page.PAGE.read_text()
    made = page.tables(results())
    places = re.findall(r"<!-- table: ([\w-]+) -->", text)
    assert sorted([*made, *page.plots(results())]) == sorted(places)
    for name, table in made.items():
        text = page.with_table(text, name, table)
    assert "| `outbox.append cases` | 12,345 | events/s | floor | 0.49 | ≥ 0.6 **missed** |" in text
    assert "| `ingest.herd memory` | 12,345 | events/s | 300 MB | 0.8 | ≤ 1 |" in text
    assert "| plain table | 2 | 3 | 1 | 2 | 1.0 |" in text
    assert "| ventanilla | told | 12,345 | 1.0 |" in text
    assert "| diskcache, as shipped | stored | 12,345 | 0.5 |" in text
    assert "Measured 2026-11-22 05:00 UTC, in 1.5 minutes." in text


def test_table_without_a_place_is_refused() -> None:
    with pytest.raises(LookupError, match="two marks"):
        page.with_table("no marks here", "herd", "| a |")


def test_every_plot_has_its_title_and_each_that_the_page_shows_is_there() -> None:
    assert set(page.plots(results())) == set(page.TITLES)
    shown = re.findall(r"\(images/(bench-\w+)\.svg\)", page.PAGE.read_text())
    assert all((page.IMAGES / f"{name}.svg").exists() for name in shown)


def test_bar_is_as_long_as_its_value_and_ours_is_marked() -> None:
    image = bars("a < b", [Bar("theirs", 2.0), Bar("ours", 1.0, ours=True)], line=2.0)
    lengths = re.findall(r'class="(theirs|ours)" x="330" y="\d+" width="([\d.]+)"', image)
    assert lengths == [("theirs", "350.0"), ("ours", "175.0")]
    assert "a &lt; b" in image
    assert '<line x1="680.0"' in image


def test_fate_counts_what_was_told_and_never_came_and_what_came_again() -> None:
    assert (FATE.told, FATE.lost, FATE.doubled) == (3, 1, 2)


def test_peers_have_exact_versions_and_no_address() -> None:
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions().values())
    assert "//" not in VERSIONS.read_text()


def test_every_wire_of_the_flow_leads_to_a_node() -> None:
    nodes = flow(page.ROOT / "x.db", 1883, durable=True)
    names = {node["id"] for node in nodes}
    for node in nodes:
        wires = node.get("wires", [])
        assert isinstance(wires, list)
        assert {to for outlet in wires for to in outlet} <= names
    assert [node["qos"] for node in nodes if node["type"] == "mqtt out"] == ["1"]
    shipped = flow(page.ROOT / "x.db", 1883, durable=False)
    assert [node["qos"] for node in shipped if node["type"] == "mqtt out"] == [""]
    assert not any("PRAGMA" in str(node.get("topic")) for node in shipped)
