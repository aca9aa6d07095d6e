"""What the page of a place looks like, made of the tokens of every face, and the script that keeps interests.

Rules:
- Colours come from `shared/look.toml`; whoever asks for more contrast gets its table of high contrast.
- The script reads and writes one entry of the browser's own store, and sends nothing.
"""

import tomllib
from importlib.resources import files
from typing import Final, cast

KEPT_AS: Final = "ventanilla.interests"
"""The entry of the browser's store: a list of codes."""

SCRIPT: Final = """// Interests stay in this browser: one entry of its store is kept, and nothing is sent.
"use strict";
(() => {
  const form = document.getElementById("interests");
  if (!form) return;
  const name = "%s";
  const boxes = Array.from(form.querySelectorAll("input"));
  const notices = Array.from(document.querySelectorAll("article"));
  const count = document.getElementById("count");
  const read = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(name));
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  };
  const keep = (chosen) => {
    try {
      if (chosen.length) localStorage.setItem(name, JSON.stringify(chosen));
      else localStorage.removeItem(name);
    } catch {
      // a browser that keeps nothing: the choice holds for this page
    }
  };
  const show = (chosen) => {
    let some = 0;
    for (const notice of notices) {
      const about = notice.dataset.interests.split(" ").filter(Boolean);
      notice.hidden = chosen.length > 0 && about.length > 0 && !about.some((one) => chosen.includes(one));
      if (!notice.hidden) some += 1;
    }
    const said = form.dataset.count.replace("{some}", some).replace("{all}", notices.length);
    count.textContent = notices.length ? said : "";
  };
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const kept = read();
  for (const box of boxes) {
    box.checked = kept.includes(box.value);
    box.addEventListener("change", () => {
      keep(chosen());
      show(chosen());
    });
  }
  document.getElementById("forget").addEventListener("click", () => {
    for (const box of boxes) box.checked = false;
    keep([]);
    show([]);
  });
  form.hidden = false;
  show(chosen());
})();
""".replace("%s", KEPT_AS)

_RULES: Final = """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:1.0625rem/1.5 "Atkinson Hyperlegible Next",system-ui,sans-serif}
header{background:var(--primary);color:var(--on_primary);padding:1rem;display:flex;flex-wrap:wrap;
gap:.5rem 1.5rem;justify-content:space-between;align-items:center}
header p{margin:0;font-weight:700}
nav{display:flex;gap:.5rem}
nav a{color:var(--on_primary);padding:.5rem;min-width:2.75rem;min-height:2.75rem}
nav a[aria-current]{font-weight:700;text-decoration:none;border-bottom:3px solid var(--accent)}
main{max-width:40rem;margin:0 auto;padding:1rem}
h1{font-size:1.9rem;line-height:1.2;margin:1rem 0}
.now{display:block;font-size:1.0625rem;font-weight:400;color:var(--quiet)}
h2{font-size:1.35rem;line-height:1.25;margin:0 0 .5rem}
a{color:var(--primary)}
article,fieldset{background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:1rem 1.25rem;
margin:0 0 1rem}
legend{font-weight:700;font-size:1.15rem;padding:0 .25rem}
.urgent{display:inline-block;margin:0 0 .5rem;padding:.25rem .75rem;border-radius:.5rem;font-weight:700;
background:var(--on_care);color:var(--care)}
.quiet,#count{color:var(--quiet)}
label{display:flex;align-items:center;gap:.75rem;min-height:2.75rem}
input{width:1.5rem;height:1.5rem;accent-color:var(--primary)}
button{font:inherit;min-height:2.75rem;padding:.5rem 1.25rem;margin-top:.5rem;border-radius:1rem;
border:2px solid var(--primary);background:var(--card);color:var(--primary)}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
header :focus-visible{outline-color:var(--on_primary)}
.skip{position:absolute;left:-999rem}
.skip:focus{left:0;top:0;background:var(--card);padding:1rem;z-index:1}
[hidden]{display:none}
"""


def style() -> str:
    """Write the sheet."""
    look = tomllib.loads(files("shared").joinpath("look.toml").read_text(encoding="utf-8"))
    plain, high = (cast("dict[str, str]", look[name]) for name in ("colour", "contrast"))
    return f":root{{{_tokens(plain)}}}\n@media (prefers-contrast:more){{:root{{{_tokens(high)}}}}}{_RULES}"


def _tokens(colours: dict[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in colours.items())
