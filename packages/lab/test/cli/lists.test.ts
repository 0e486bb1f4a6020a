import { afterEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { builtInMethods } from '../../src/methods.ts';
import { tasks } from '../../src/tasks/tasks.ts';

afterEach(() => vi.restoreAllMocks());

async function znorm(...args: string[]): Promise<string> {
  let written = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += text;
    return true;
  });
  expect(await main(args)).toBe(0);
  vi.restoreAllMocks();
  return written;
}

describe.each(['tasks', 'methods'])('znorm %s', (command) => {
  test('fits into 80 columns', async () => {
    for (const line of (await znorm(command)).split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });
});

test('tasks are told with data, licence, metrics, networks, settings and time', async () => {
  const text = await znorm('tasks');
  expect(text.match(/^\S+(?=: )/gm)).toEqual(tasks.map(({ name }) => name));
  expect(text).toContain(
    `fashion-mnist: 28×28 grey pictures of clothes, 10 classes
  data       fashion-mnist: 60,000 + 10,000 images, 55 MB; licence: MIT, Zalando
             SE
  metrics    accuracy (higher is better), loss (lower is better)
  models     resnet8, resnet14,`,
  );
  expect(text).toContain('  --set      augment=true: random crops and flips of training images\n');
  expect(text).toContain('  quick      resnet8; 3 epochs, 7 seeds; on two cores about 4 minutes\n');
});

test('tasks as JSON are the same, without what is no data', async () => {
  const printed = JSON.parse(await znorm('tasks', '--json'));
  expect(printed.map(({ name }: { name: string }) => name)).toEqual(tasks.map(({ name }) => name));
  expect(printed[0]).toMatchObject({
    name: 'cifar10',
    data: [{ name: 'cifar10', licence: expect.any(String), homepage: expect.any(String) }],
    metrics: [
      { name: 'accuracy', better: 'higher' },
      { name: 'loss', better: 'lower' },
    ],
    settings: { augment: { default: true } },
    presets: { paper: { seeds: 5, trainSize: null } },
  });
  expect(Object.keys(printed[0])).not.toContain('prepare');
});

test('methods are told with equation, chain and source', async () => {
  const text = await znorm('methods');
  expect(text.match(/^[a-z-]+(?=: )/gm)).toEqual(builtInMethods.map(({ name }) => name));
  expect(text).toContain(`znorm-attention: ZNorm of attention weights alone
  is      u = (g − μ) / (σ + 1e-8) for query, key, value and output kernels of
          attention; else u = g
  chain   [{"masked": {"select": {"role": "attention"}, "transformation":
          "znorm"}}]
  source  an ablation of Yun, ZNorm, arXiv 2408.01215
`);
  expect(JSON.parse(await znorm('methods', '--json'))).toEqual(builtInMethods);
});
