import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { classification, createTrainer, fillNormal, randomStream, resnet } from '@znorm/train';
import { adam, adamw, chain, momentum, type ParameterInfo, sizeOf, znorm } from 'znorm';
import {
  type BenchOptions,
  chosenCases,
  digits,
  interleave,
  median,
  type Result,
  type Rival,
  spread,
} from './interleave.ts';
import { largeTensors, ownRivals, timed } from './own-rivals.ts';
import { findPeers, startPeerAt } from './peers.ts';
import { statisticsModes as modes } from './statistics-modes.ts';

/** 25 million parameters in 25 tensors. */
const large = largeTensors(25);

const cases: Readonly<Record<string, (options: BenchOptions) => AsyncGenerator<Result>>> = {
  'znorm-adam-25M': againstPeers,
  'adamw-25M': (options) => costOfZnorm('25M', large, { rounds: 9, steps: 3 }, options),
  'adamw-resnet20': async function* (options) {
    yield* costOfZnorm('resnet20', await resnet20(), { rounds: 15, steps: 300 }, options);
  },
  'statistics-25M': (options) => costOfStatistics('25M', large, { rounds: 7, steps: 1 }, options),
  'statistics-resnet20': async function* (options) {
    yield* costOfStatistics('resnet20', await resnet20(), { rounds: 9, steps: 20 }, options);
  },
  'threads-25M': secondThread,
  'share-resnet20': shareOfStep,
};

/**
 * The optimizer's update alone, fused, on one thread.
 *
 * - `update/znorm-adam-25M/<peer>`: how many times as fast znorm and Adam are as the peer's composition of them.
 * - `update/adamw-<size>/znorm-adamw-<size>`: how many times as long znorm and AdamW take as AdamW.
 * - `update/znorm-adamw-<size>/bandwidth`: what share of its time the memory traffic of znorm and AdamW (8 words a
 *   parameter) would take at the rate of a plain copy. Above 1 it moves memory faster than a copy does.
 * - `update/znorm-adamw-25M/two-threads`, `…/two-threads-copying`: how many times as fast one thread is as two.
 * - `update/znorm-adamw-<size>/<statistics>`: how many times as fast cheaper statistics are as exact ones.
 * - `train/resnet20-b64/znorm-share`: znorm's share of the time of a whole training step.
 */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  for (const [, measure] of chosenCases(cases, options.cases)) yield* measure(options);
}

async function* againstPeers(options: BenchOptions): AsyncGenerator<Result> {
  const { znormAdam } = await ownRivals(large, { znormAdam: chain(znorm(), adam()) });
  for (const peer of await findPeers(options)) {
    const words = [large.length, sizeOf(large[0].shape), options.threads];
    const rival = await startPeerAt(peer, 'update', words, options);
    const times = await interleave([znormAdam, rival], { rounds: 9, steps: 3 });
    const ratios = times[rival.name].map((ms, round) => ms / times.znormAdam[round]);
    options.report(
      `znorm + Adam, 25M: ${spread(times.znormAdam)} ms, ${rival.name} ${spread(times[rival.name])} ms, ratio ${spread(ratios)}`,
    );
    yield {
      key: `update/znorm-adam-25M/${rival.name}`,
      name: `znorm + Adam, 25M parameters: times as fast as ${rival.name}`,
      value: digits(median(ratios)),
      unit: 'ratio',
    };
    rival.stop();
  }
}

interface Effort {
  readonly rounds: number;
  readonly steps: number;
}

async function* costOfZnorm(
  size: string,
  infos: readonly ParameterInfo[],
  effort: Effort,
  { report }: BenchOptions,
): AsyncGenerator<Result> {
  const rivals = await ownRivals(infos, { adamw: adamw(), znormAdamw: chain(znorm(), adamw()) });
  const times = await interleave(Object.values(rivals), effort);
  const ratios = times.znormAdamw.map((ms, round) => ms / times.adamw[round]);
  // A copy moves 2 words an element, the update 8.
  const shares = times.znormAdamw.map((ms, round) => (times.copy[round] * 4) / ms);
  report(
    `${size}: AdamW ${spread(times.adamw)} ms, znorm + AdamW ${spread(times.znormAdamw)} ms, copy ${spread(times.copy)} ms; ratio ${spread(ratios)}, share of the bandwidth bound ${spread(shares)}`,
  );
  yield {
    key: `update/adamw-${size}/znorm-adamw-${size}`,
    name: `AdamW, ${size}: times as fast as znorm + AdamW`,
    value: digits(median(ratios)),
    unit: 'ratio',
  };
  yield {
    key: `update/znorm-adamw-${size}/bandwidth`,
    name: `znorm + AdamW, ${size}: memory traffic at the rate of a copy, over its time`,
    value: digits(median(shares)),
    unit: 'ratio',
  };
}

async function* costOfStatistics(
  size: string,
  infos: readonly ParameterInfo[],
  effort: Effort,
  { report }: BenchOptions,
): AsyncGenerator<Result> {
  const chains = Object.entries(modes).map(([name, statistics]) => [
    name,
    chain(znorm({ statistics }), adamw()),
  ]);
  const { copy, ...rivals } = await ownRivals(infos, { adamw: adamw(), ...Object.fromEntries(chains) });
  const times = await interleave(Object.values<Rival>(rivals).map(byTens), effort);
  for (const [name, own] of Object.entries(times)) {
    const overAdamw = own.map((ms, round) => ms / times.adamw[round]);
    report(`${size}, ${name}: ${spread(own)} ms, over AdamW alone ${spread(overAdamw)}`);
  }
  for (const name of Object.keys(modes).slice(1)) {
    yield {
      key: `update/znorm-adamw-${size}/${name}`,
      name: `znorm + AdamW, ${size}: times as fast with statistics ${JSON.stringify(modes[name])} as with exact ones`,
      value: digits(median(times.exact.map((ms, round) => ms / times[name][round]))),
      unit: 'ratio',
    };
  }
}

/**
 * Each turn as the mean of ten steps, the first to the tenth, each of them the median of its kind: of statistics that
 * are renewed every tenth step, a plain median would not show the renewal.
 */
function byTens({ name, measure }: Rival): Rival {
  return {
    name,
    async measure(steps) {
      const times = await measure(10 * steps);
      const typical = Array.from({ length: 10 }, (_, nth) => median(times.filter((_, i) => i % 10 === nth)));
      return [typical.reduce((sum, ms) => sum + ms, 0) / 10];
    },
  };
}

/**
 * What a second thread would bring. ONNX Runtime takes no views of a shared memory, so with two threads the gradients
 * would have to be copied into one, and the parameters out of it. Here each of two threads updates half of the tensors
 * in a memory of its own, which is as fast as sharing one, and copies what half of them would have to be copied.
 */
async function* secondThread({ report }: BenchOptions): AsyncGenerator<Result> {
  const { one } = await ownRivals(large, { one: chain(znorm(), adamw()) });
  const halves = [large.slice(0, 13), large.slice(13)].map((infos) => startHalf(infos.length));
  const together = (name: string, request: 'update' | 'update and copy') =>
    timed(name, async () => {
      await Promise.all(halves.map((half) => half.ask(request)));
    });
  const two = together('two', 'update');
  const copying = together('copying', 'update and copy');
  const times = await interleave([one, two, copying], { rounds: 9, steps: 3 });
  for (const half of halves) await half.stop();
  report(
    `25M, one thread ${spread(times.one)} ms, two threads ${spread(times.two)} ms, with copies in and out ${spread(times.copying)} ms`,
  );
  for (const [rival, name] of [
    ['two', 'in a memory that they share'],
    ['copying', 'and gradients copied in, parameters copied out'],
  ] as const) {
    yield {
      key: `update/znorm-adamw-25M/${rival === 'two' ? 'two-threads' : 'two-threads-copying'}`,
      name: `znorm + AdamW, 25M: one thread, times as fast as two ${name}`,
      value: digits(median(times[rival].map((ms, round) => ms / times.one[round]))),
      unit: 'ratio',
    };
  }
}

function startHalf(tensors: number) {
  const worker = new Worker(new URL('./half-update.js', import.meta.url), { workerData: tensors });
  return {
    async ask(request: 'update' | 'update and copy') {
      worker.postMessage(request);
      await once(worker, 'message');
    },
    stop: () => worker.terminate(),
  };
}

async function* shareOfStep({ threads, report }: BenchOptions): AsyncGenerator<Result> {
  const plain = momentum({ learningRate: 0.01 });
  const optimizer = chain(znorm(), plain);
  const batchSize = 64;
  const trainer = await createTrainer({ objective: classification(network), optimizer, batchSize, threads });
  const inputs = new Float32Array(batchSize * 3 * 32 * 32);
  fillNormal(randomStream(0, 'bench'), inputs);
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % 10);
  const whole = timed('step', async () => {
    await trainer.step({ inputs, labels });
  });
  const rivals = await ownRivals(trainer.parameters, { plain, znorm: optimizer });
  const updates = await interleave([rivals.plain, rivals.znorm], { rounds: 15, steps: 200 });
  const steps = await interleave([whole], { rounds: 5, steps: 5 });
  await trainer.dispose();
  const cost = updates.znorm.map((ms, round) => ms - updates.plain[round]);
  report(
    `ResNet-20, batch 64: step ${spread(steps.step)} ms, momentum ${spread(updates.plain)} ms, znorm ${spread(cost)} ms more`,
  );
  yield {
    key: 'train/resnet20-b64/znorm-share',
    name: "znorm's share of a ResNet-20 step, batch 64",
    value: digits((100 * median(cost)) / median(steps.step)),
    unit: '%',
  };
}

const network = { model: resnet({ depth: 20, classes: 10 }), input: { shape: [3, 32, 32] } };

async function resnet20(): Promise<readonly ParameterInfo[]> {
  const trainer = await createTrainer({
    objective: classification(network),
    optimizer: adam(),
    batchSize: 1,
  });
  await trainer.dispose();
  return trainer.parameters;
}
