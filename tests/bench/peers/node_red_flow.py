"""A store-and-forward of a street machine as it is drawn in Node-RED: HTTP in, SQLite, MQTT out.

    POST /events -> INSERT -> 200                       what is told as taken
    every 50 ms  -> SELECT 100 -> mqtt out -> complete -> DELETE      what is passed on

An event leaves the table when the mqtt node says that it is complete; at quality 1 that is at the broker's
PUBACK. A batch of which not every row gets deleted is selected again after five seconds.

Two sets of settings, nothing else differs:
- *durable*: `PRAGMA journal_mode=WAL`, `PRAGMA synchronous=FULL`, quality 1.
- *as shipped*: no pragma, and the mqtt node's quality left empty, which is 0.

Source: the help texts of Node-RED's http in, mqtt out and complete nodes, and of node-red-node-sqlite.
"""

from pathlib import Path
from typing import Final

TOPIC: Final = "street/events"
PATH: Final = "/events"
SCHEMA: Final = "CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);"
PRAGMAS: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"

_GUARD = """
const pending = flow.get('pending') || 0;
if (pending > 0 && Date.now() - flow.get('since') < 5000) return null;
flow.set('pending', 1);
flow.set('since', Date.now());
return {payload: []};
"""
_SPLIT = f"""
flow.set('pending', msg.payload.length);
return [msg.payload.map(row => ({{topic: '{TOPIC}', payload: row.body, params: {{$n: row.n}}}}))];
"""
_COUNT = """
const pending = (flow.get('pending') || 1) - 1;
flow.set('pending', pending);
return pending === 0 ? {} : null;
"""

Node = dict[str, object]


def flow(database: Path, mqtt_port: int, *, durable: bool) -> list[Node]:
    """Return the flow as Node-RED reads it from its file."""
    return [
        {"id": "tab", "type": "tab", "label": "store and forward"},
        {"id": "db", "type": "sqlitedb", "db": str(database), "mode": "RWC"},
        _broker(mqtt_port),
        # The table is there before anything is taken.
        _node("start", "inject", ["prepare"], once=True, onceDelay=0.1, props=[{"p": "topic", "vt": "str"}],
              topic=(PRAGMAS if durable else "") + SCHEMA),
        _node("prepare", "sqlite", [], mydb="db", sqlquery="batch", sql=""),
        # Take in.
        _node("in", "http in", ["row"], url=PATH, method="post", upload=False),
        _function("row", "msg.params = {$body: JSON.stringify(msg.payload)}; return msg;", ["insert"]),
        _node("insert", "sqlite", ["taken"], mydb="db", sqlquery="prepared",
              sql="INSERT INTO outbox (body) VALUES ($body)"),
        _function("taken", "msg.statusCode = 200; msg.payload = {}; return msg;", ["answer"]),
        _node("not inserted", "catch", ["refused"], scope=["insert"], uncaught=False),
        _function("refused", "msg.statusCode = 503; msg.payload = {}; return msg;", ["answer"]),
        _node("answer", "http response", [], statusCode="", headers={}),
        # Pass on.
        _node("tick", "inject", ["guard"], repeat="0.05", once=True, onceDelay=0.5, props=[]),
        _function("guard", _GUARD, ["select"]),
        _node("select", "sqlite", ["split"], mydb="db", sqlquery="fixed",
              sql="SELECT n, body FROM outbox ORDER BY n LIMIT 100"),
        _function("split", _SPLIT, ["out"]),
        _node("out", "mqtt out", [], broker="broker", topic="", qos="1" if durable else "", retain=""),
        _node("sent", "complete", ["delete"], scope=["out"], uncaught=False),
        _node("delete", "sqlite", ["count"], mydb="db", sqlquery="prepared",
              sql="DELETE FROM outbox WHERE n = $n"),
        _function("count", _COUNT, ["guard"]),
    ]  # fmt: skip


def _broker(port: int) -> Node:
    return {
        "id": "broker",
        "type": "mqtt-broker",
        "broker": "127.0.0.1",
        "port": str(port),
        "clientid": "node-red",
        "autoConnect": True,
        "usetls": False,
        "protocolVersion": "4",
        "keepalive": "60",
        "cleansession": True,
    }


def _function(name: str, code: str, to: list[str]) -> Node:
    return _node(name, "function", to, func=code, outputs=1, libs=[])


def _node(name: str, kind: str, to: list[str], **more: object) -> Node:
    return {
        "id": name,
        "type": kind,
        "z": "tab",
        "name": name,
        "x": 0,
        "y": 0,
        "wires": [to] if to else [],
        **more,
    }
