import type { ComparisonResult } from '../comparison.ts';
import { curvesFigure, rangeOf } from './curves.ts';
import { gradientSection } from './gradient-section.ts';
import { type Html, html, trusted } from './html.ts';
import { limits } from './limits.ts';
import { provenanceSection } from './provenance.ts';
import { differenceSection, otherStatisticsSection, resultTable } from './result-section.ts';
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
</section>
${curvesSection(result)}
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

function curvesSection(result: ComparisonResult): Html | string {
  const accuracy = rangeOf(result, ['trainAccuracy', 'validationAccuracy']);
  const loss = rangeOf(result, ['trainLoss', 'validationLoss']);
  if (accuracy === null || loss === null) return '';
  const figure = (measure: Parameters<typeof curvesFigure>[1], what: string, unit: string) => html`<figure>
<figcaption><b>${what}</b>, ${unit}</figcaption>
${curvesFigure(result, measure, `${what} over epochs, by method`, measure.endsWith('Accuracy') ? accuracy : loss)}
</figure>`;
  return html`<section>
<h2>Training</h2>
<p class="note">Strong lines are means over seeds, faint lines single seeds, bands from the lowest seed to the highest.
Validation images are held out of the training set; training figures are of the batches as they were trained on.</p>
<div class="grid">
${figure('validationAccuracy', 'Validation accuracy', '%')}
${figure('validationLoss', 'Validation loss', 'logarithmic')}
${figure('trainAccuracy', 'Training accuracy', '%')}
${figure('trainLoss', 'Training loss', 'logarithmic')}
</div>
</section>`;
}
