import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareCommand } from '../../src/cli/compare.ts';
import { asFlag, type DefiningFlags, optionsFromFlags } from '../../src/cli/compare-options.ts';
import { commandOf, resumeCommand, shellCommand } from '../../src/sweep/command.ts';
import { type ComparisonOptions, planComparison } from '../../src/sweep/plan.ts';

/** The plan that a command line gives. */
async function planOf(command: string) {
  let flags: DefiningFlags | undefined;
  const [npx, znorm, compare, ...argv] = command.split(' ');
  expect([npx, znorm, compare]).toEqual(['npx', 'znorm', 'compare']);
  await compareCommand()
    .action((typed) => {
      flags = typed;
    })
    .parseAsync(argv, { from: 'user' });
  return planComparison(optionsFromFlags(flags!), { spelled: asFlag });
}

test.each<ComparisonOptions>([
  {},
  { preset: 'paper', model: 'resnet56' },
  {
    preset: 'smoke',
    task: 'fashion-mnist',
    model: 'plain20',
    methods: ['znorm', 'baseline'],
    metric: 'loss',
    optimizer: 'momentum',
    learningRates: [0.1, 1e-7, 1e30],
    epochs: 7,
    batchSize: 9,
    trainSize: 90,
    validationSize: 80,
    testSize: 70,
    seeds: 3,
    tuningSeeds: 2,
    settings: { augment: false },
    engine: 'wasm',
  },
])('the command that repeats %j gives the same plan', async (options) => {
  const plan = await planComparison(options);
  expect(await planOf(commandOf(plan, 'runs/first'))).toEqual(plan);
});

test("methods of one's own are read from the comparison's folder", async () => {
  const plan = await planComparison({ methods: [{ name: 'znorm', chain: [] }] });
  expect(commandOf(plan, join('runs', 'first'))).toContain(' --methods-file runs/first/methods.json ');
});

test('a path that a shell would take apart is quoted', () => {
  expect(resumeCommand('runs/a b')).toBe("npx znorm compare --resume 'runs/a b'");
  expect(shellCommand(['x', ['--out', "it's"]])).toBe("x --out 'it'\\''s'");
  expect(resumeCommand('../runs/a-1.2')).toBe('npx znorm compare --resume ../runs/a-1.2');
});
