import type { ComparisonResult } from '../comparison.ts';
import { pointsOf, withUnit } from '../metric.ts';
import { limits } from './limits.ts';
import { capitalized } from './numbers.ts';
import { tableRows } from './table.ts';
import { verdict } from './verdict.ts';

/** The report as Markdown: verdict, table, what it cannot show, and the command that repeats it. */
export function reportMarkdown(result: ComparisonResult): string {
  const [headline, ...details] = verdict(result);
  const [primary, second] = result.metrics;
  const points = pointsOf(primary).replace(' ', ', ');
  const rows = [
    [
      'method',
      withUnit(primary, `test ${primary.label}`),
      'best seed',
      ...(second === undefined ? [] : [withUnit(second, `test ${second.label}`)]),
      'ms/step',
      `against ${result.baseline ?? 'baseline'}${points}`,
      'exact paired p',
      'corrected p',
      'learning rate',
    ],
    ...tableRows(result).map((row) => [
      row.method,
      row.primary,
      row.bestSeed,
      ...(second === undefined ? [] : [row.second]),
      row.stepMs,
      row.difference,
      row.p,
      row.pHolm,
      row.learningRate,
    ]),
  ].map((cells) => `| ${cells.map(cell).join(' | ')} |`);
  const columns = second === undefined ? 8 : 9;
  return `# ${cell(`${result.model} on ${result.data.name}: ${headline}`)}

${details.map((sentence) => `- ${cell(sentence)}`).join('\n')}

${rows[0]}
|:--|${'--:|'.repeat(columns - 1)}
${rows.slice(1).join('\n')}

${capitalized(primary.label)} (${primary.better} is better) is the mean over seeds ± its 95 % interval; differences are paired by seed, with 95 % intervals.

## What this cannot show

${limits(result)
  .map((limit) => `- ${cell(limit)}`)
  .join('\n')}

## How to repeat it

\`\`\`
${result.command}
\`\`\`
`;
}

/** Text that stays text inside a table cell or a line. */
function cell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|]/g, (character) => `\\${character}`).replaceAll('\n', ' ');
}
