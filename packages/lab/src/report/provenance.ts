import { type ComparisonResult, primaryMetric } from '../comparison.ts';
import { valueText, withUnit } from '../metric.ts';
import { type Html, html } from './html.ts';
import { thousands } from './numbers.ts';
import { scrollable, swatch } from './result-section.ts';

/** How the comparison was run: command, settings, methods, rates, pairing, failures, versions, machine. */
export function provenanceSection(result: ComparisonResult): Html {
  return html`<section>
<h2>How it was run</h2>
<p class="note">This command repeats it:</p>
<pre>${result.command}</pre>
${settings(result)}
<h3>Methods</h3>
${methodsTable(result)}
<h3>Pairing</h3>
${pairingTable(result)}
${failuresTable(result)}
</section>`;
}

function settings({ data, config, unit, machine, versions, commit }: ComparisonResult): Html {
  const entries: [string, string | Html][] = [
    [
      'Data',
      `${data.name}: ${thousands(data.trainSize)} training, ${thousands(data.validationSize)} validation, ${thousands(data.testSize)} test ${unit.many}`,
    ],
    ...Object.entries(config).map(([option, value]): [string, string] => [words(option), shown(value)]),
    ['Machine', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}`],
    [
      'Versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['Commit', commit === null ? 'not run from a checkout' : html`<code>${commit}</code>`],
    [
      'Files, SHA-1',
      html`${Object.entries(data.sha1).map(([file, sha1]) => html`<code>${file} ${sha1}</code><br>`)}`,
    ],
  ];
  return html`<dl>${entries.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`;
}

/** `batchSize` → `Batch size`. */
function words(option: string): string {
  const lower = option.replace(
    /([a-z])([A-Z])/g,
    (_, end: string, start: string) => `${end} ${start.toLowerCase()}`,
  );
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

function shown(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function methodsTable(result: ComparisonResult): Html {
  const metric = primaryMetric(result);
  return scrollable(
    'Chain and learning rates by method',
    html`<table>
<thead><tr><th scope="col">Method</th><th scope="col" class="text">Chain</th>
<th scope="col">${withUnit(metric, `Validation ${metric.label} by learning rate`)}</th></tr></thead>
<tbody>${result.methods.map(
      ({ name, chain, tuning, learningRate }) => html`<tr><th scope="row">${swatch(result, name)}${name}</th>
<td class="text"><code>${JSON.stringify(chain)}</code></td>
<td>${tuning.map(({ learningRate: rate, validation }) => {
        const text = `${rate}: ${validation === null ? 'failed' : valueText(metric, validation)}`;
        return rate === learningRate ? html`<b>${text}</b><br>` : html`${text}<br>`;
      })}</td></tr>`,
    )}</tbody></table>`,
  );
}

function pairingTable(result: ComparisonResult): Html {
  const { sameInitialWeights, sameBatches } = result.pairing;
  const proven = sameInitialWeights && sameBatches !== false;
  const ownBatches =
    'Proven by the hashes below: for each seed, every method started from the same weights, in the same environments. What it then saw is its own doing.';
  const said = proven
    ? sameBatches === null
      ? ownBatches
      : 'Proven by the hashes below: for each seed, every method started from the same weights and saw the same batches, bit for bit.'
    : 'Not proven: for at least one seed the hashes below differ between methods.';
  return html`<p>${said}</p>
${scrollable(
  'Hashes by seed',
  html`<table>
<thead><tr><th scope="col">Seed</th><th scope="col">Runs</th><th scope="col">Initial weights</th><th scope="col">Batches</th></tr></thead>
<tbody>${result.config.seeds.map((seed) => {
    const runs = result.methods.flatMap((method) =>
      method.seeds.filter((run) => run.seed === seed).map((run) => ({ ...run, method: method.name })),
    );
    return html`<tr><th scope="row">${seed}</th><td>${runs.length}</td>
<td>${hashes(runs.map((run) => ({ method: run.method, hash: run.initHash })))}</td>
<td>${hashes(runs.map((run) => ({ method: run.method, hash: run.batchHash })))}</td></tr>`;
  })}</tbody></table>`,
)}`;
}

/** One hash when all agree; each with its method when they do not. */
function hashes(runs: { method: string; hash: string }[]): Html {
  const short = (hash: string) => html`<code>${hash.slice(0, 16)}</code>`;
  if (runs.length === 0) return html`—`;
  if (new Set(runs.map(({ hash }) => hash)).size === 1) return short(runs[0]!.hash);
  return html`${runs.map(({ method, hash }) => html`${method} ${short(hash)}<br>`)}`;
}

function failuresTable({ failures }: ComparisonResult): Html | string {
  if (failures.length === 0) return '';
  return html`<h3>Failed runs</h3>
${scrollable(
  'Failed runs',
  html`<table>
<thead><tr><th scope="col">Method</th><th scope="col">Seed</th><th scope="col">Rate</th><th scope="col">Step</th>
<th scope="col" class="text">Why</th></tr></thead>
<tbody>${failures.map(
    ({ method, seed, learningRate, step, message }) => html`<tr><th scope="row">${method}</th><td>${seed}</td>
<td>${learningRate}</td><td>${step ?? '—'}</td><td class="text">${message}</td></tr>`,
  )}</tbody></table>`,
)}`;
}
