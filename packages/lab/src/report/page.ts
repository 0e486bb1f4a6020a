import type { ComparisonResult } from '../comparison.ts';
import { artifactSection } from './artifact-section.ts';
import { curvesFigure, type Measure, rangeOf } from './curves.ts';
import { gradientSection } from './gradient-section.ts';
import { type Html, html, trusted } from './html.ts';
import { limits } from './limits.ts';
import { capitalized } from './numbers.ts';
import { provenanceSection } from './provenance.ts';
import { differenceSection, metricsSection, otherStatisticsSection, resultTable } from './result-section.ts';
import { stylesheet } from './stylesheet.ts';
import { verdict } from './verdict.ts';

/**
 * The whole report as one HTML file: nothing is fetched and nothing runs, so it can be mailed, archived and opened
 * anywhere. A pure function of the record.
 *
 * @example
 * writeFileSync('report.html', reportPage(result))
 */
export function reportPage(result: ComparisonResult): string {
  const [headline, ...details] = verdict(result);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${result.model} on ${result.data.name}: ${headline!}</title>
<style>${trusted(stylesheet)}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">${result.model} on ${result.data.name} · ${result.optimizer} · preset ${result.preset}</p>
<h1>${headline!}</h1>
${details.map((sentence) => html`<p>${sentence}</p>`)}
</header>
<section>
<h2>Result</h2>
${resultTable(result)}
${differenceSection(result)}
${metricsSection(result)}
</section>
${curvesSection(result)}
${artifactSection(result)}
${gradientSection(result)}
${otherStatisticsSection(result)}
<section>
<h2>What this cannot show</h2>
<ul class="prose">${limits(result).map((limit) => html`<li>${limit}</li>`)}</ul>
</section>
${provenanceSection(result)}
<footer>Made by znorm compare from its record alone. Every number here is in the JSON that --json writes, the gradients in the run folder.</footer>
</main>
</body>
</html>
`;
  return page.html;
}

/** The first two metrics; training beside validation, on one scale. */
function curvesSection(result: ComparisonResult): Html | string {
  const figures = (['validation', 'train'] as const).flatMap((split) =>
    result.metrics.slice(0, 2).flatMap((metric) => figureOf(result, { split, metric })),
  );
  if (figures.length === 0) return '';
  return html`<section>
<h2>Training</h2>
<p class="note">Strong lines are means over seeds, faint lines single seeds, bands from the lowest seed to the highest.
Validation ${result.unit.many} are not trained on; training figures are of the batches as they were trained on.</p>
<div class="grid">
${figures}
</div>
</section>`;
}

function figureOf(result: ComparisonResult, measure: Measure): Html[] {
  const { split, metric } = measure;
  const both = (['train', 'validation'] as const).map((split) => ({ split, metric }));
  const range = rangeOf(result, [measure]) && rangeOf(result, both);
  if (range === null) return [];
  const what = capitalized(`${split === 'train' ? 'training' : 'validation'} ${metric.label}`);
  const units = [
    ...(metric.format === 'percent' ? ['%'] : []),
    ...(metric.logarithmic ? ['logarithmic'] : []),
  ];
  return [
    html`<figure>
<figcaption><b>${what}</b>${units.map((unit) => `, ${unit}`).join('')}</figcaption>
${curvesFigure(result, measure, `${what} over epochs, by method`, range)}
</figure>`,
  ];
}
