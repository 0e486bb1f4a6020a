/** The page's only style: no web fonts, nothing fetched, light and dark, one column on a phone. */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --paper: #fdfcfa; --ink: #22211f; --soft: #6a6660; --line: #e4e0d9; --wash: #f5f2ec;
  --baseline: #77736d; --method-0: #0067a5; --method-1: #c25400; --method-2: #00805d;
  --method-3: #a8467f; --method-4: #946a00; --method-5: #3a86b8;
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif;
  --serif: 'Iowan Old Style', 'Palatino Linotype', Palatino, 'Book Antiqua', Georgia, 'Liberation Serif', serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181a; --ink: #e6e3dd; --soft: #a09b93; --line: #34353a; --wash: #202225;
    --baseline: #a8a39b; --method-0: #5cb3e6; --method-1: #f08c4a; --method-2: #35c295;
    --method-3: #dd8fbc; --method-4: #dcb143; --method-5: #9cc9e8;
  }
  svg image { filter: brightness(0.88); }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 var(--sans); }
main { max-width: 1080px; margin: 0 auto; padding: 56px 24px 80px; }
h1 { font: 400 2.3rem/1.2 var(--serif); margin: 0.35rem 0 1.4rem; max-width: 26em; text-wrap: balance; }
h2 { font: 400 1.55rem/1.25 var(--serif); margin: 4rem 0 0.6rem; }
h3 { font-size: 1rem; font-weight: 600; margin: 2.2rem 0 0.4rem; }
p, ul.prose { max-width: 68ch; margin: 0 0 0.8rem; }
ul.prose { padding-left: 1.1em; }
ul.prose li { margin: 0.35rem 0; }
.eyebrow, figcaption, .note { color: var(--soft); font-size: 0.875rem; line-height: 1.5; }
.eyebrow { margin: 0; }
.note { max-width: 76ch; }
.scroll { overflow-x: auto; margin: 1.2rem 0 0.6rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9375rem; min-width: 100%; }
th, td { padding: 0.5rem 0.5rem; text-align: right; vertical-align: baseline; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 500; color: var(--soft); font-size: 0.8125rem; line-height: 1.3; white-space: normal; border-bottom: 1px solid var(--ink); }
tbody th { font-weight: 600; white-space: normal; overflow-wrap: anywhere; min-width: 8.5em; max-width: 14em; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 1px solid var(--line); }
th.text, td.text { text-align: left; }
td.text { white-space: normal; min-width: 16em; }
.swatch { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%; margin-right: 0.55em; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 20px 36px; margin: 1.2rem 0; }
figure { margin: 0; min-width: 0; }
figure svg { width: 100%; max-width: 520px; height: auto; display: block; }
figure img { max-width: 100%; image-rendering: pixelated; display: block; }
figure.wide svg { max-width: 560px; }
figure.legend svg { max-width: 360px; }
figcaption { margin-bottom: 0.3rem; }
figcaption b { color: var(--ink); font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(8em, max-content) 1fr; gap: 0.35rem 1.6rem; margin: 1rem 0; font-size: 0.9375rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 0.8125rem/1.55 var(--mono); }
code { overflow-wrap: anywhere; }
pre { background: var(--wash); padding: 0.9rem 1.1rem; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.8rem 0; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.8125rem; }
@media (max-width: 600px) {
  main { padding: 32px 18px 56px; }
  h1 { font-size: 1.7rem; }
  h2 { margin-top: 3rem; }
  table { font-size: 0.875rem; }
  th, td { padding-left: 0.45rem; padding-right: 0.45rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 0.7rem; }
}
@media print { main { padding: 0; } figure, table { break-inside: avoid; } }
`;
