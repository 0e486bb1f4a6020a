import type { ComparisonResult } from '../comparison.ts';
import { limits } from './limits.ts';
import { tableRows } from './table.ts';
import { verdict } from './verdict.ts';

/** The report as Markdown: verdict, table, what it cannot show, and the command that repeats it. */
export function reportMarkdown(result: ComparisonResult): string {
  const [headline, ...details] = verdict(result);
  const rows = tableRows(result).map((row) =>
    [
      row.method,
      row.accuracy,
      row.bestSeed,
      row.loss,
      row.stepMs,
      row.difference,
      row.p,
      row.pHolm,
      row.learningRate,
    ]
      .map(cell)
      .join(' | '),
  );
  return `# ${cell(`${result.model} on ${result.data.name}: ${headline}`)}

${details.map((sentence) => `- ${cell(sentence)}`).join('\n')}

| method | test accuracy, % | best seed | test loss | ms/step | against ${cell(result.baseline ?? 'baseline')}, points | exact paired p | corrected p | learning rate |
|:--|--:|--:|--:|--:|--:|--:|--:|--:|
${rows.map((row) => `| ${row} |`).join('\n')}

Accuracy is the mean over seeds ± its 95 % interval; differences are paired by seed, with 95 % intervals.

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
