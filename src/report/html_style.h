#pragma once

namespace trainyard::report {

/// The report's whole style sheet. Phases are p0..p7, series s0..s7 with dashes d0..d2.
inline constexpr const char* kStyleSheet = R"css(
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --ink: #171b22; --soft: #5a6472; --rule: #dfe3e9; --accent: #1f5eff;
  --good: #0b7a4b; --bad: #b3470c; --stripe: #f8f9fb;
  --p0: #56b3c9; --p1: #a3d6cb; --p2: #6c9df5; --p3: #9c89ee; --p4: #f2914a; --p5: #ecca55; --p6: #66bf85; --p7: #b9c0ca;
  --hidden: #d3c9f7;
  --s0: #2f66e0; --s1: #d9480f; --s2: #0f8a5f; --s3: #9333ea; --s4: #a87900; --s5: #0883a5; --s6: #c2255c; --s7: #5c6470;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1217; --card: #181c23; --ink: #e8ebf0; --soft: #9aa5b4; --rule: #2c333d; --accent: #86aaff;
    --good: #57d39b; --bad: #ff9d66; --stripe: #1c2129;
    --hidden: #4d4580;
    --s0: #7aa2ff; --s1: #ff9460; --s2: #4fd1a1; --s3: #c79bff; --s4: #e6c15c; --s5: #5cd0e6; --s6: #ff8bb0; --s7: #aab2c0;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
}
main { max-width: 1280px; margin: 0 auto; padding: 0 20px 56px; }
header.top { max-width: 1280px; margin: 0 auto; padding: 36px 20px 20px; }
.brand { font-size: 13px; letter-spacing: .09em; text-transform: uppercase; color: var(--soft); font-weight: 600; }
h1 { font-size: 32px; line-height: 1.2; margin: 4px 0 6px; letter-spacing: -.015em; overflow-wrap: anywhere; }
h2 { font-size: 20px; line-height: 1.3; margin: 0 0 4px; letter-spacing: -.005em; }
h3 { font-size: 15px; margin: 18px 0 0; }
p { margin: 0 0 12px; }
.lede { color: var(--soft); max-width: 76ch; }
nav { display: flex; flex-wrap: wrap; gap: 6px 18px; margin-top: 14px; font-size: 14px; }
a { color: var(--accent); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 22px 24px; margin: 0 0 20px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 14px; margin: 0 0 20px; padding: 0; }
.figures > div { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 16px 18px; min-width: 0; }
.figures dt { color: var(--soft); font-size: 14px; }
.figures dd { margin: 0; }
.figures .big { font-size: 27px; font-weight: 650; letter-spacing: -.02em; line-height: 1.3; }
.figures small { font-size: 15px; font-weight: 500; letter-spacing: 0; }
.figures .of { color: var(--soft); font-size: 13px; overflow-wrap: anywhere; line-height: 1.4; }
.scroll { overflow-x: auto; margin-top: 14px; border: 1px solid var(--rule); border-radius: 8px; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 8px; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--rule); }
tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: 13px; }
tbody th { font-weight: 600; }
tbody tr:nth-child(even) > * { background: var(--stripe); }
th:first-child { position: sticky; left: 0; background: var(--card); border-right: 1px solid var(--rule); }
th:first-child > span { display: block; width: max-content; max-width: 320px; white-space: normal; overflow-wrap: anywhere; }
.n { text-align: right; }
.good::before, .bad::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%;
  background: currentColor; margin-right: 7px; vertical-align: 1px; }
.good { color: var(--good); } .bad { color: var(--bad); }
.plot { margin-top: 14px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 8px 32px; }
.plot svg { display: block; width: 100%; height: auto; }
.plot.narrow { display: none; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 0; padding: 0; font-size: 14px; }
.legend li { display: flex; align-items: center; gap: 7px; min-width: 0; overflow-wrap: anywhere; }
.legend svg { width: 22px; height: 12px; flex: none; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .tick, svg .axis-title { fill: var(--soft); }
svg .value { font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
svg .inside { fill: #14181f; font-size: 11px; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .ideal { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 6 5; }
svg .ideal-text { fill: var(--soft); font-style: italic; }
svg rect { stroke: var(--card); stroke-width: 1; }
svg .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
svg .mark { stroke: var(--card); stroke-width: 1.5; }
.p0 { fill: var(--p0); } .p1 { fill: var(--p1); } .p2 { fill: var(--p2); } .p3 { fill: var(--p3); }
.p4 { fill: var(--p4); } .p5 { fill: var(--p5); } .p6 { fill: var(--p6); } .p7 { fill: var(--p7); }
.hidden { fill: var(--hidden); }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); } .s3 { fill: var(--s3); }
.s4 { fill: var(--s4); } .s5 { fill: var(--s5); } .s6 { fill: var(--s6); } .s7 { fill: var(--s7); }
.curve.s0 { stroke: var(--s0); } .curve.s1 { stroke: var(--s1); } .curve.s2 { stroke: var(--s2); }
.curve.s3 { stroke: var(--s3); } .curve.s4 { stroke: var(--s4); } .curve.s5 { stroke: var(--s5); }
.curve.s6 { stroke: var(--s6); } .curve.s7 { stroke: var(--s7); }
.curve.d1 { stroke-dasharray: 7 5; } .curve.d2 { stroke-dasharray: 2 5; }
details { border-top: 1px solid var(--rule); padding: 10px 0; }
details:first-of-type { margin-top: 12px; }
summary { cursor: pointer; font-weight: 600; overflow-wrap: anywhere; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 10px 0 4px; font-size: 14px; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
dl.config { grid-template-columns: repeat(3, max-content 1fr); }
ul.plain { margin: 8px 0 0; padding-left: 20px; } ul.plain li { overflow-wrap: anywhere; margin-bottom: 4px; }
.where { font-weight: 600; } p.where { margin: 18px 0 4px; }
.note { color: var(--soft); font-size: 13px; margin: 12px 0 0; max-width: 110ch; }
footer { color: var(--soft); font-size: 13px; }
@media (max-width: 700px) {
  main, header.top { padding-left: 14px; padding-right: 14px; }
  header.top { padding-top: 22px; }
  h1 { font-size: 25px; }
  .card { padding: 16px 14px; }
  .figures { grid-template-columns: 1fr 1fr; gap: 10px; }
  .figures > div { padding: 12px; }
  .figures .big { font-size: 21px; }
  .plot.wide { display: none; } .plot.narrow { display: block; }
  th:first-child > span { max-width: 118px; }
  th, td { padding: 7px 10px; }
  dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: 6px; }
}
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #ccc; --stripe: #fff; color-scheme: light; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 12px; }
  h1 { font-size: 22px; } h2 { font-size: 15px; } h3 { font-size: 12px; margin-top: 12px; }
  nav { display: none; }
  main, header.top { max-width: none; padding-left: 0; padding-right: 0; }
  .card { border: 0; padding: 0 0 12px; }
  .plot, tr, .figures > div, .legend { break-inside: avoid; }
  h2, h3, .lede { break-after: avoid; }
  .figures { grid-template-columns: repeat(4, 1fr); gap: 8px; } .figures > div { padding: 8px 10px; }
  .figures .big { font-size: 17px; } .figures dt, .figures small, .figures .of, .legend, .note, dl.facts { font-size: 10px; }
  .pair { grid-template-columns: 1fr 1fr; }
  .scroll { overflow: visible; border: 0; }
  table { font-size: 9px; } th, td { padding: 3px 4px; white-space: normal; }
  th:first-child { position: static; }
}
)css";

}  // namespace trainyard::report
