"""The report's style sheet: one column of cards, light and dark, from a phone's width up."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f6f3; --card: #ffffff; --ink: #1d2126; --soft: #626a73; --line: #e2e2dc;
  --c0: #1f6f8b; --c1: #c8693a; --c2: #6b8f3c; --c3: #8a6bb0; --wash: #1f6f8b26;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --ink: #e6e8ea; --soft: #98a1aa; --line: #2e343a;
    --c0: #62b6d0; --c1: #e39468; --c2: #a3c46f; --c3: #b79ad8; --wash: #62b6d02e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1040px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: clamp(1.6rem, 4vw, 2.1rem); line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.015em; }
h2 { font-size: 1.2rem; margin: 44px 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 0.95rem; margin: 0 0 8px; font-weight: 600; }
p { margin: 0 0 12px; max-width: 70ch; }
.soft, .lede, figcaption { color: var(--soft); }
.lede { overflow-wrap: anywhere; }
.explain { color: var(--soft); font-size: 0.92rem; margin-bottom: 14px; }
.note { border-left: 3px solid var(--c1); padding: 8px 14px; background: var(--card); margin: 14px 0 0; max-width: none;
  border-radius: 0 8px 8px 0; font-size: 0.95rem; overflow-wrap: anywhere; }
.note p { margin: 2px 0; max-width: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px; min-width: 0; }
.grid2 { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin-top: 24px; }
.tile { padding: 14px 18px 16px; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.02em; }
.tile span { font-size: 0.85rem; color: var(--soft); display: block; }
.clip { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; margin: 0; }
.pane { background-repeat: no-repeat; background-size: 300% 100%; border-radius: 6px; image-rendering: pixelated;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.pane:nth-child(2) { background-position: 50% 0; } .pane:nth-child(3) { background-position: 100% 0; }
.clip small { color: var(--soft); font-size: 0.78rem; margin-top: -2px; }
figure { margin: 0; } figcaption { font-size: 0.85rem; margin-bottom: 10px; display: flex; gap: 12px;
  justify-content: space-between; align-items: baseline; }
figcaption span { overflow-wrap: anywhere; } figcaption b { color: var(--ink); white-space: nowrap; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11.5px; } .grid { stroke: var(--line); }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line0 { stroke: var(--c0); } .line1 { stroke: var(--c1); } .line2 { stroke: var(--c2); } .line3 { stroke: var(--c3); }
.dot0 { fill: var(--c0); } .dot1 { fill: var(--c1); } .dot2 { fill: var(--c2); } .dot3 { fill: var(--c3); }
.area { fill: var(--wash); stroke: var(--c0); stroke-width: 1.2; stroke-linejoin: round; }
.mark { stroke: var(--c1); stroke-dasharray: 5 4; }
.legend { font-size: 0.82rem; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 0 0 8px; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.95rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 8px 0 8px 18px; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: 0.85rem; vertical-align: bottom; }
th:first-child, td.left { text-align: left; } th:first-child { padding-left: 0; } tbody th { font-weight: 400; }
td { white-space: nowrap; } td.best { font-weight: 650; }
tbody th small { display: block; color: var(--soft); font-size: 0.83rem; }
.bar { width: 34%; padding-top: 14px; } 
.bar i { display: block; height: 9px; border-radius: 5px; background: var(--c0); min-width: 2px; }
dl { display: grid; grid-template-columns: minmax(110px, max-content) 1fr; gap: 6px 20px; margin: 0;
  font-size: 0.95rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 0; font: 0.83rem/1.55 ui-monospace, "Cascadia Mono", Menlo, "Liberation Mono", monospace;
  overflow-x: auto; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; font-weight: 600; font-size: 0.95rem; } details[open] summary { margin-bottom: 12px; }
.stack > * + * { margin-top: 16px; }
@media (max-width: 520px) {
  main { padding: 24px 14px 48px; } .card { padding: 14px; }
  .tiles { grid-template-columns: 1fr 1fr; } .tile b { font-size: 1.3rem; }
  th, td { padding-left: 10px; } .bar { display: none; }
}
"""
