import type { Artifact, ComparisonResult } from '../comparison.ts';
import { type Html, html } from './html.ts';
import { swatch } from './result-section.ts';

/** What the networks of each method made at its first seed that made anything; empty when none did. */
export function artifactSection(result: ComparisonResult): Html | string {
  const shown = result.methods.flatMap(({ name, seeds }) => {
    const run = seeds.find(({ artifacts }) => artifacts !== undefined && artifacts.length > 0);
    return run === undefined ? [] : [{ name, seed: run.seed, artifacts: run.artifacts! }];
  });
  if (shown.length === 0) return '';
  return html`<section>
<h2>What the networks made</h2>
<p class="note">Of test ${result.unit.many}, at the end of training; one seed of each method.</p>
${shown.map(
  ({ name, seed, artifacts }) => html`<h3>${swatch(result, name)}${name}, seed ${seed}</h3>
<div class="grid">${artifacts.map(drawn)}</div>`,
)}
</section>`;
}

function drawn(artifact: Artifact): Html {
  const { title } = artifact;
  const content =
    'text' in artifact
      ? html`<pre>${artifact.text}</pre>`
      : html`<img alt="${title}" src="data:image/png;base64,${artifact.png}">`;
  return html`<figure><figcaption>${title}</figcaption>
${content}</figure>`;
}
