import { type ComparisonResult, primaryMetric } from '../comparison.ts';
import { differenceText, pointsOf, valueText } from '../metric.ts';
import { decide } from './decision.ts';
import { differencesFigure } from './differences.ts';
import { methodColor } from './figure.ts';
import { type Html, html } from './html.ts';
import { capitalized, pValue } from './numbers.ts';
import { meanCell, tableRows } from './table.ts';

/** A round mark in the colour that the method has in every figure. */
export function swatch(result: ComparisonResult, name: string): Html {
  const color = methodColor(
    result.methods.map((method) => method.name),
    result.baseline,
    name,
  );
  return html`<span class="swatch" style="background: ${color}"></span>`;
}

/** A table that scrolls sideways where it is too wide for the screen, by touch and by keyboard. */
export function scrollable(label: string, table: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`;
}

/** The table of the result: what the terminal shows, with decision, corrected p, rate and seeds. */
export function resultTable(result: ComparisonResult): Html {
  const against = result.baseline ?? 'baseline';
  const [primary, second] = result.metrics;
  const { label, better } = primary;
  const percent = (metric: { format: string }) => (metric.format === 'percent' ? html`<br>%` : '');
  const points = pointsOf(primary) && html`<br>points`;
  const shared = sharedBySeeds(result);
  const rows = tableRows(result).map(
    (row, index) => html`<tr>
<th scope="row">${swatch(result, row.method)}${row.method}</th><td>${row.primary}</td><td>${row.difference}</td>
<td>${row.p}</td><td>${row.pHolm}</td><td>${decide(result.methods[index]!, result) ?? ''}</td><td>${row.bestSeed}</td>
${second === undefined ? '' : html`<td>${row.second}</td>`}<td>${row.stepMs}</td><td>${row.learningRate}</td><td>${row.seeds}</td>
</tr>`,
  );
  return html`${scrollable(
    'Result by method',
    html`<table>
<thead><tr>
<th scope="col">Method</th><th scope="col">Test ${label}${percent(primary)}</th><th scope="col">Against ${against}${points}</th>
<th scope="col">Exact<br>paired p</th><th scope="col">Corrected<br>p</th><th scope="col">Decision</th>
<th scope="col">Best<br>seed</th>${second === undefined ? '' : html`<th scope="col">Test ${second.label}${percent(second)}</th>`}<th scope="col">Step<br>ms</th>
<th scope="col">Learning<br>rate</th><th scope="col">Seeds</th>
</tr></thead>
<tbody>${rows}</tbody>
</table>`,
  )}
<p class="note">${capitalized(label)} (${better} is better): mean over seeds with its Student-t 95 % interval. Against ${against}: mean of the differences
within each seed${shared && `, which shares initial weights and ${shared}`}, with the same kind of interval. The exact test flips the
signs of these differences in every possible way; correction over methods is Holm’s.</p>`;
}

/** What the runs of a seed have in common besides initial weights; nothing where that is not proven. */
function sharedBySeeds({ pairing }: ComparisonResult): string {
  if (!pairing.sameInitialWeights || pairing.sameBatches === false) return '';
  return pairing.sameBatches === null ? 'environments' : 'batches';
}

/** Every metric, where there are more than the table of the result shows. */
export function metricsSection(result: ComparisonResult): Html | string {
  if (result.metrics.length < 3) return '';
  const head = result.metrics.map(
    ({ label, better, format }) =>
      html`<th scope="col">${capitalized(label)}${format === 'percent' ? ', %' : ''}<br>${better} is better</th>`,
  );
  const rows = result.methods.map(
    (method) => html`<tr><th scope="row">${swatch(result, method.name)}${method.name}</th>
${result.metrics.map((metric) => html`<td>${meanCell(method, metric)}</td>`)}</tr>`,
  );
  return html`<h3>All metrics on the test set, means over seeds</h3>
${scrollable(
  'All metrics by method',
  html`<table><thead><tr><th scope="col">Method</th>${head}</tr></thead><tbody>${rows}</tbody></table>`,
)}`;
}

/** The figure of paired differences, where anything was compared. */
export function differenceSection(result: ComparisonResult): Html | string {
  const figure = differencesFigure(result);
  if (figure === null) return '';
  return html`<h3>Differences within each seed</h3>
<figure class="wide"><figcaption>Rings are seeds, the dot their mean, the bar its 95 % interval.</figcaption>
${figure}</figure>`;
}

/** The same numbers by other statistics, so that a reader sees whether the verdict hangs on the choice of one. */
export function otherStatisticsSection(result: ComparisonResult): Html | string {
  const compared = result.methods.filter((method) => method.differenceToBaseline !== null);
  const metric = primaryMetric(result);
  if (compared.length === 0) return '';
  const baseline = result.baseline!;
  const share = (value: number | null) => (value === null ? '—' : `${(100 * value).toFixed(0)} %`);
  return html`<section>
<h2>By other statistics</h2>
<p class="note">A verdict that hangs on the choice of statistic is weak. The interquartile mean ignores the luckiest and
the unluckiest quarter of the seeds; the probability that a random run is better than a random run of ${baseline} ignores by how
much; the bootstrap interval assumes no distribution, but is too narrow under about ten seeds; Wilcoxon’s test uses only
the order of the differences.</p>
${scrollable(
  'Other statistics by method',
  html`<table>
<thead><tr><th scope="col">Method</th><th scope="col">Interquartile mean${metric.format === 'percent' ? html`<br>%` : ''}</th>
<th scope="col">Beats a run<br>of ${baseline}</th><th scope="col">Bootstrap interval<br>of the difference</th>
<th scope="col">Wilcoxon<br>p</th></tr></thead>
<tbody>${result.methods.map(({ name, robust }) => {
    const {
      interquartileMean,
      probabilityOfImprovement,
      differenceBootstrapCi95: interval,
      wilcoxonP,
    } = robust;
    return html`<tr><th scope="row">${swatch(result, name)}${name}</th>
<td>${interquartileMean === null ? '—' : valueText(metric, interquartileMean)}</td>
<td>${share(probabilityOfImprovement)}</td>
<td>${interval === null ? '—' : `${differenceText(metric, interval[0])} to ${differenceText(metric, interval[1])}`}</td>
<td>${wilcoxonP === null ? '—' : pValue(wilcoxonP)}</td></tr>`;
  })}</tbody></table>`,
)}
</section>`;
}
