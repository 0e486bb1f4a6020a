import { Command } from 'commander';
import { builtInMethods, customaryRates, optimizers } from '../methods.ts';
import { entry, wrap } from './paragraph.ts';

/** `znorm methods`: what there is to compare. */
export function methodsCommand(): Command {
  return new Command('methods')
    .description('the gradient methods there are, and the optimizers they are put inside')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  znorm methods\n  znorm compare --methods baseline,znorm,agc')
    .action(({ json }: { json?: boolean }) => {
      process.stdout.write(`${json ? JSON.stringify(builtInMethods, null, 2) : asText()}\n`);
    });
}

const legend =
  'g is the gradient, u what the optimizer gets instead; μ and σ are mean and deviation of the elements of g, tensor by tensor where nothing else is said.';

function asText(): string {
  const told = builtInMethods.map(({ name, summary, equation, source, chain }) => {
    const lines: [string, string][] = [
      ['is', equation],
      ['chain', JSON.stringify(chain).replace(/[:,]/g, '$& ')],
      ['source', source],
    ];
    return [
      `${name}: ${summary}`,
      ...lines.map(([word, text]) => entry(word, text, { indent: 2, width: 8 })),
    ].join('\n');
  });
  const inside = Object.entries(optimizers).map(([name, chain]) =>
    entry(
      name,
      `${JSON.stringify(chain[0]).replace(/[:,]/g, '$& ')}, rates ${customaryRates[name].join(', ')}`,
      {
        indent: 2,
        width: 10,
      },
    ),
  );
  const optimizerList = [
    'optimizers (--optimizer), with the rates that are tried if none are named:',
    ...inside,
  ];
  return [wrap(legend, 80).join('\n'), ...told, optimizerList.join('\n')].join('\n\n');
}
