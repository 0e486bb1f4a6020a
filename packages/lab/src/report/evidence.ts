import { type ComparisonResult, type MethodResult, primaryMetric } from '../comparison.ts';
import { builtInMethods } from '../methods.ts';
import { type Metric, plusMinus, valueText, withUnit } from '../metric.ts';
import { decide } from './decision.ts';
import { counted, thousands } from './numbers.ts';
import { differenceCell } from './table.ts';

/** A result and where a reader finds it whole. */
export interface RecordedResult {
  readonly href: string;
  readonly result: ComparisonResult;
}

/**
 * Recorded comparisons beside each other, as Markdown: one row a comparison, one column a method. The baseline has its
 * mean ± half of the 95 % interval, the others their paired difference to it with its interval, in bold where
 * the verdict calls them better or worse. Nothing is left out for what it says; records of one method are, since nothing
 * is compared in them.
 *
 * @example
 * evidenceTable([{ href: 'records/first', result: JSON.parse(readFileSync('records/first/result.json', 'utf8')) }])
 */
export function evidenceTable(records: readonly RecordedResult[]): string {
  const compared = records.filter(({ result }) => result.methods.length > 1);
  const known = builtInMethods.map(({ name }) => name);
  const met = compared.flatMap(({ result }) => result.methods.map(({ name }) => name));
  const names = [...new Set([...known.filter((name) => met.includes(name)), ...met])];
  return markdownTable(
    ['comparison', 'metric', ...names],
    compared.map((record) => {
      const metric = primaryMetric(record.result);
      return [
        described(record),
        `${withUnit(metric, metric.label)} (${metric.better} is better)`,
        ...names.map((name) => {
          const method = record.result.methods.find((one) => one.name === name);
          return method === undefined ? '' : methodCell(method, record.result);
        }),
      ];
    }),
  );
}

/** Recorded runs of one method each, as Markdown: what a task's recipe comes to, with the worst seed named. */
export function recipeTable(records: readonly RecordedResult[]): string {
  const alone = records.filter(({ result }) => result.methods.length === 1);
  return markdownTable(
    ['recipe', 'metric', 'mean', 'seeds'],
    alone.map((record) => {
      const metric = primaryMetric(record.result);
      const [{ mean, ci95, seeds }] = record.result.methods;
      return [
        described(record),
        `${withUnit(metric, metric.label)} (${metric.better} is better)`,
        mean === null ? 'failed' : valueWithInterval(metric, mean, ci95),
        seeds.map(({ test }) => valueText(metric, test[metric.name]!)).join(' · '),
      ];
    }),
  );
}

/** `[ResNet-8 on cifar10](records/…): 2,000 images, 3 epochs, adam, 3 rates tried, 7 seeds`. */
function described({ href, result }: RecordedResult): string {
  const { model, task, optimizer, config, data, unit } = result;
  const rates = config.learningRates.length;
  const facts = [
    `${thousands(data.trainSize)} ${unit.many}`,
    counted(config.epochs, 'epoch'),
    optimizer,
    rates > 1 ? `${rates} rates tried` : `rate ${config.learningRates[0]}`,
    counted(config.seeds.length, 'seed'),
  ];
  return `[${task}, ${model}](${href}): ${facts.join(', ')}`;
}

function methodCell(method: MethodResult, result: ComparisonResult): string {
  const metric = primaryMetric(result);
  const { mean, ci95, differenceToBaseline } = method;
  if (differenceToBaseline === null) return mean === null ? 'failed' : valueWithInterval(metric, mean, ci95);
  const text = differenceCell(differenceToBaseline, metric);
  const decision = decide(method, result);
  return decision === 'better' || decision === 'worse' ? `**${text}**` : text;
}

function valueWithInterval(metric: Metric, mean: number, ci95: readonly [number, number] | null): string {
  return ci95 === null ? valueText(metric, mean) : `${valueText(metric, mean)} ${plusMinus(metric, ci95)}`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|:--|:--|${'--:|'.repeat(head.length - 2)}`, ...rows.map(line)].join('\n');
}
