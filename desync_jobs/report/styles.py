"""How the page about a run looks, in the light and in the dark."""

from typing import Final

STYLES: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --done: #b7e4c7; --unchanged: #e1e4e8; --failed: #ffc1bd; --waiting: #fff1b8;
  --hue0: #2f6fb7; --hue1: #c8641b; --hue2: #7b4fb0; --hue3: #1c8a7d; --hue4: #b23a77;
  --hue5: #7a6a1d; --zeros: #b3bac2; --place: #57a773; --target: #8fd0a5; --bad: #b42318;
  --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e6e9ed; --soft: #9aa4af;
  --line: #363d46; --done: #1f5c38; --unchanged: #39414a; --failed: #7a2620; --waiting: #5f5111;
  --hue0: #5b9be0; --hue1: #e08a4a; --hue2: #a884db; --hue3: #3fb8a9; --hue4: #de6da6;
  --hue5: #b8a543; --zeros: #6b747e; --place: #4f9a69; --target: #3c7551; --bad: #ff8f86;
  --good: #66cf85; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 920px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { margin: 0 0 4px; font-size: 26px; overflow-wrap: anywhere; }
h2 { margin: 32px 0 8px; font-size: 18px; border-bottom: 1px solid var(--line); }
p { margin: 4px 0; overflow-wrap: anywhere; }
.outcome { font-size: 18px; font-weight: 600; }
.good { color: var(--good); } .bad, .message { color: var(--bad); }
.wide { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0;
  border-bottom: 1px solid var(--line); }
td { overflow-wrap: break-word; max-width: 40em; font-variant-numeric: tabular-nums; }
td.short { white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
svg { display: block; } svg text { fill: var(--ink); font-size: 13px; }
svg .small { fill: var(--soft); font-size: 12px; } svg .middle { text-anchor: middle; }
.grid { stroke: var(--line); } .edge { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.joint { fill: var(--soft); }
.node { fill: var(--unchanged); stroke: var(--line); }
.done { fill: var(--done); } .unchanged, .not-begun { fill: var(--unchanged); }
.failed, .interrupted { fill: var(--failed); } .skipped { fill: var(--waiting); }
.hue0 { fill: var(--hue0); } .hue1 { fill: var(--hue1); } .hue2 { fill: var(--hue2); }
.hue3 { fill: var(--hue3); } .hue4 { fill: var(--hue4); } .hue5 { fill: var(--hue5); }
.zeros { fill: var(--zeros); } .place { fill: var(--place); } .target { fill: var(--target); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; list-style: none; }
.legend li { display: flex; gap: 6px; align-items: center; }
"""
