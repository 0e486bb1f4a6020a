import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type BenchOptions, chosenCases, median, type Result, spread } from './interleave.ts';
import { startPeer } from './peer.ts';

const cases: Record<string, { name: string; seconds: (options: BenchOptions) => Promise<number> }> = {
  'script-first-step': { name: 'from `node script.mjs` to the end of its first step', seconds: script },
  'compare-first-step': { name: 'from `znorm compare` to the end of a run’s first step', seconds: compare },
};

const rounds = 5;

/** How long a person waits for the first step of a ResNet-20 at batch 64. `znorm compare` needs CIFAR-10 in its cache. */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  for (const [key, { name, seconds }] of chosenCases(cases, options.cases)) {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) times.push(await seconds(options));
    options.report(`${key}: ${spread(times)} s`);
    yield { key: `start/${key}/seconds`, name, value: Number(median(times).toFixed(2)), unit: 's' };
  }
}

async function script({ peersFolder, threads }: BenchOptions): Promise<number> {
  const start = performance.now();
  const words = ['resnet20', '64', String(threads)];
  const peer = await startPeer('znorm', [process.execPath, join(peersFolder, 'own_train.mjs'), ...words]);
  await peer.measure(1);
  const end = performance.now();
  peer.stop();
  return (end - start) / 1e3;
}

/** Of so few steps, a run notes each one's gradients: the first note is the end of the first step. */
async function compare({ peersFolder, threads }: BenchOptions): Promise<number> {
  const out = await mkdtemp(join(tmpdir(), 'znorm-start-'));
  const words =
    `compare --task cifar10 --model resnet20 --methods baseline --seeds 1 --epochs 1 --batch-size 64 --train-size 640 --validation-size 64 --test-size 64 --jobs 1 --threads ${threads} --out`.split(
      ' ',
    );
  const start = performance.now();
  const command = join(peersFolder, '../../packages/lab/bin/znorm.js');
  const child = spawn(process.execPath, [command, ...words, join(out, 'comparison')], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    while (!(await firstStepNoted(out))) {
      if (child.exitCode !== null) throw new Error(`bench: znorm compare ended with ${child.exitCode}.`);
      await pause(5);
    }
    return (performance.now() - start) / 1e3;
  } finally {
    child.kill('SIGINT');
    await ended;
    await rm(out, { recursive: true, force: true });
  }
}

async function firstStepNoted(folder: string): Promise<boolean> {
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith('events.jsonl'))) {
    if ((await readFile(join(folder, file), 'utf8')).includes('"gradients"')) return true;
  }
  return false;
}
