import type { ComparisonResult, GradientSnapshot } from '../comparison.ts';
import { type ColorScale, scaleLegend } from './color-scale.ts';
import {
  type GradientTrack,
  gradientTracks,
  heatmapFigure,
  type MappedStatistic,
  sharedScale,
} from './heatmap.ts';
import { type Html, html } from './html.ts';
import { scrollable, swatch } from './result-section.ts';

const maps: { statistic: MappedStatistic; heading: string; note: string }[] = [
  {
    statistic: 'norm',
    heading: 'Norm',
    note: 'Euclidean norm of each layer’s gradient. Blank where it is exactly 0 or not finite.',
  },
  {
    statistic: 'mean',
    heading: 'Mean',
    note: 'Mean entry of each layer’s gradient: blue below zero, red above, white near zero.',
  },
  {
    statistic: 'std',
    heading: 'Deviation',
    note: 'Standard deviation of the entries of each layer’s gradient. Blank where it is exactly 0 or not finite.',
  },
];

/** What each method does to the gradients, layer by layer; empty when none were recorded. */
export function gradientSection(result: ComparisonResult): Html | string {
  const tracks = gradientTracks(result);
  if (tracks.length === 0) return '';
  return html`<section>
<h2>Gradients, layer by layer</h2>
<p class="note">Seed ${tracks[0]!.seed}. Each map has a row for each parameter tensor from input (top) to output (bottom) and
a column for each step recorded, before the method’s transformation on the left and after it on the right. All maps of one kind share one
scale: equal colours are equal values, across methods.</p>
${summaryTable(result, tracks)}
${maps.map(({ statistic, heading, note }) => {
  const scale = sharedScale(tracks, statistic);
  return scale === null ? '' : mapsOf(tracks, statistic, scale, heading, note);
})}
</section>`;
}

function mapsOf(
  tracks: GradientTrack[],
  statistic: MappedStatistic,
  scale: ColorScale,
  heading: string,
  note: string,
): Html {
  return html`<h3>${heading}</h3>
<p class="note">${note}</p>
<figure class="legend">${scaleLegend(scale, `${heading}: scale of colours`)}</figure>
<div class="grid">${tracks.map(
    (track) => html`<figure><figcaption><b>${track.method}</b></figcaption>
${heatmapFigure(track, statistic, scale)}</figure>`,
  )}</div>`;
}

function summaryTable(result: ComparisonResult, tracks: GradientTrack[]): Html {
  return html`${scrollable(
    'Gradients by method',
    html`<table>
<thead><tr><th scope="col">Method</th><th scope="col">Largest to smallest<br>layer norm, before</th>
<th scope="col">Largest to smallest<br>layer norm, after</th><th scope="col">Cosine with the<br>raw gradient</th>
<th scope="col">Degenerate<br>tensors met</th></tr></thead>
<tbody>${tracks.map(({ method, seed, snapshots }) => {
      const run = result.methods
        .find(({ name }) => name === method)!
        .seeds.find((other) => other.seed === seed)!;
      return html`<tr><th scope="row">${swatch(result, method)}${method}</th>
<td>${ratio(median(snapshots.map((snapshot) => normRatio(snapshot, 'before'))))}</td>
<td>${ratio(median(snapshots.map((snapshot) => normRatio(snapshot, 'after'))))}</td>
<td>${median(snapshots.map(({ descentCosine }) => descentCosine)).toFixed(3)}</td>
<td>${run.degenerateSteps}</td></tr>`;
    })}</tbody></table>`,
  )}
<p class="note">Medians over the steps recorded. A cosine above 0 means that the transformed gradient still descends.</p>`;
}

/** Largest over smallest positive layer norm: how unevenly the layers would move under plain gradient descent. */
function normRatio({ layers }: GradientSnapshot, side: 'before' | 'after'): number {
  const norms = layers.map((layer) => layer[side].norm).filter((norm) => norm > 0);
  return norms.length === 0 ? 1 : Math.max(...norms) / Math.min(...norms);
}

function ratio(value: number): string {
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US');
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
