import { Command } from 'commander';
import type { Metric } from '../metric.ts';
import { counted } from '../report/numbers.ts';
import type { Task } from '../tasks/task.ts';
import { tasks } from '../tasks/tasks.ts';
import { entry, wrap } from './paragraph.ts';

/** `znorm tasks`: what there is to compare on. */
export function tasksCommand(): Command {
  return new Command('tasks')
    .description('what methods can be compared on: data, networks, metrics, time')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  znorm tasks\n  znorm compare --task fashion-mnist')
    .action(({ json }: { json?: boolean }) => {
      const text = json ? JSON.stringify(tasks.map(asJson), null, 2) : tasks.map(asText).join('\n\n');
      process.stdout.write(`${text}\n`);
    });
}

function asText({ name, summary, data, metrics, models, methods, optimizer, ...task }: Task): string {
  const made: [string, string][] = [['data', 'made as it goes']];
  const lines: [string, string][] = [
    ...(data.length === 0 ? made : []),
    ...data.map(({ name, size, licence }): [string, string] => [
      'data',
      `${name}: ${size}; licence: ${licence}`,
    ]),
    ['metrics', metrics.map(metricText).join(', ')],
    ['models', models.join(', ')],
    ['methods', `${methods.join(', ')} (or any other)`],
    ['optimizer', optimizer],
    ...Object.entries(task.settings).map(([name, { summary, default: usual, values }]): [string, string] => [
      '--set',
      `${name}=${usual}: ${summary}${values ? `; ${values.join(', ')}` : ''}`,
    ]),
    ...Object.entries(task.presets).map(([name, { models, epochs, seeds, time }]): [string, string] => [
      name,
      `${models.join(', ')}; ${counted(epochs, 'epoch')}, ${counted(seeds, 'seed')}; on two cores ${time}`,
    ]),
  ];
  const width = 2 + Math.max(...lines.map(([word]) => word.length));
  return [
    wrap(`${name}: ${summary}`, 78).join('\n  '),
    ...lines.map(([word, text]) => entry(word, text, { indent: 2, width })),
  ].join('\n');
}

/** With the name that `znorm compare --metric` takes, where it is not the same word. */
function metricText({ name, label, better }: Metric): string {
  return `${label} (${name === label ? '' : `${name}; `}${better} is better)`;
}

/** The data of it. Infinity, for as many samples as there are, is null in JSON. */
function asJson({ data, ...task }: Task): object {
  return { ...task, data: data.map(({ fetch: _, ...about }) => about) };
}
