import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { classification, createTrainer, fillNormal, randomStream, resnet } from '@znorm/train';
import {
  adam,
  adamw,
  centralize,
  chain,
  init,
  momentum,
  type ParameterInfo,
  sizeOf,
  update,
  znorm,
} from 'znorm';
import { planFused, usefulThreads } from 'znorm/wasm';
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
  'threads-25M': moreThreads,
  'turns-4M': costOfTurns,
  'share-resnet20': shareOfStep,
};

/**
 * The optimizer's update alone, fused, on as many threads as are worth it.
 *
 * - `update/znorm-adam-25M/<peer>`: how many times as fast znorm and Adam are as the peer's composition of them.
 * - `update/adamw-<size>/znorm-adamw-<size>`: how many times as long znorm and AdamW take as AdamW.
 * - `update/znorm-adamw-<size>/bandwidth`: what share of its time the memory traffic of znorm and AdamW (8 words a
 *   parameter) would take at the rate of a plain copy. Above 1 it moves memory faster than a copy does.
 * - `update/znorm-adamw-25M/threads`, `…/threads-copying`: how many times as fast one thread is as several.
 * - `update/znorm-adamw-<size>/<statistics>`: how many times as fast cheaper statistics are as exact ones.
 * - `update/centralize-adam-4M/turns`: how many times as long it takes where output units take turns in memory, as in
 *   TensorFlow.js's dense kernels, as where each lies together; `…/arrays`: and how many times as long on plain arrays.
 * - `train/resnet20-b64/znorm-share`: znorm's share of the time of a whole training step.
 */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  for (const [, measure] of chosenCases(cases, options.cases)) yield* measure(options);
}

async function* againstPeers(options: BenchOptions): AsyncGenerator<Result> {
  const own = await ownRivals(large, { znormAdam: chain(znorm(), adam()) }, options.threads);
  const { znormAdam } = own.rivals;
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
  own.dispose();
}

interface Effort {
  readonly rounds: number;
  readonly steps: number;
}

async function* costOfZnorm(
  size: string,
  infos: readonly ParameterInfo[],
  effort: Effort,
  { report, threads: most }: BenchOptions,
): AsyncGenerator<Result> {
  const chains = { adamw: adamw(), znormAdamw: chain(znorm(), adamw()) };
  const threads = usefulThreads(planFused(chains.znormAdamw, infos), most);
  const { rivals, dispose } = await ownRivals(infos, chains, threads);
  const copy = threads === 1 ? { ...rivals.copy, stop: async () => {} } : startCopy(infos, threads);
  const times = await interleave([rivals.adamw, rivals.znormAdamw, copy], effort);
  dispose();
  await copy.stop();
  const ratios = times.znormAdamw.map((ms, round) => ms / times.adamw[round]);
  // A copy moves 2 words an element, the update 8.
  const shares = times.znormAdamw.map((ms, round) => (times.copy[round] * 4) / ms);
  report(
    `${size}, ${threads === 1 ? 'one thread' : `${threads} threads`}: AdamW ${spread(times.adamw)} ms, znorm + AdamW ${spread(times.znormAdamw)} ms, copy ${spread(times.copy)} ms; ratio ${spread(ratios)}, share of the bandwidth bound ${spread(shares)}`,
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
  const own = await ownRivals(infos, { adamw: adamw(), ...Object.fromEntries(chains) });
  const { copy, ...rivals } = own.rivals;
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

async function* costOfTurns({ report }: BenchOptions): AsyncGenerator<Result> {
  const together = largeTensors(4);
  const turns = together.map((info) => ({ ...info, outputAxis: 1 }));
  const optimizer = chain(centralize(), adam());
  const [inRows, inTurns] = [
    await ownRivals(together, { together: optimizer }),
    await ownRivals(turns, { turns: optimizer }),
  ];
  const infos = Object.fromEntries(turns.map((info) => [info.path, info]));
  const named = (data: Readonly<Record<string, Float32Array>>) =>
    Object.fromEntries(turns.map(({ path, shape }) => [path, { shape, data: data[path] }]));
  const [parameters, gradients] = [named(inTurns.parameters), named(inTurns.gradients)];
  let state = init(optimizer, parameters, infos);
  const onArrays = timed('arrays', () => {
    ({ state } = update(optimizer, gradients, state, parameters, infos));
  });
  const rivals = [inRows.rivals.together, inTurns.rivals.turns, { ...onArrays, steps: 1 }];
  const times = await interleave(rivals, { rounds: 9, steps: 5 });
  for (const { dispose } of [inRows, inTurns]) dispose();
  for (const name of ['turns', 'arrays']) {
    const ratios = times[name].map((ms, round) => ms / times.together[round]);
    report(
      `centralization + Adam, 4M, one thread: ${spread(times.together)} ms where units lie together, ${name} ${spread(times[name])} ms, ratio ${spread(ratios)}`,
    );
    yield {
      key: `update/centralize-adam-4M/${name}`,
      name: `centralization + Adam, 4M, units together: times as fast as ${name}`,
      value: digits(median(ratios)),
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
 * What more threads bring, and what is left of it where the gradients have to be copied into the memory that they share
 * and the parameters out of it: with an ONNX Runtime that takes no views of a shared memory. One thread does the
 * copying, since only one sees both.
 */
async function* moreThreads({ report, threads }: BenchOptions): AsyncGenerator<Result> {
  const chains = { update: chain(znorm(), adamw()) };
  const alone = await ownRivals(large, chains);
  const shared = await ownRivals(large, chains, threads);
  const one = { ...alone.rivals.update, name: 'one' };
  const several = { ...shared.rivals.update, name: 'several' };
  const copying = timed('copying', async () => {
    for (const { path } of large) shared.gradients[path].set(alone.gradients[path]);
    await several.measure(1);
    for (const { path } of large) alone.parameters[path].set(shared.parameters[path]);
  });
  const times = await interleave([one, several, copying], { rounds: 9, steps: 3 });
  shared.dispose();
  report(
    `25M, one thread ${spread(times.one)} ms, ${threads} threads ${spread(times.several)} ms, with copies in and out ${spread(times.copying)} ms`,
  );
  for (const [rival, name] of [
    ['several', 'in a memory that they share'],
    ['copying', 'and gradients copied in, parameters copied out'],
  ] as const) {
    yield {
      key: `update/znorm-adamw-25M/${rival === 'several' ? 'threads' : 'threads-copying'}`,
      name: `znorm + AdamW, 25M: one thread, times as fast as ${threads} threads ${name}`,
      value: digits(median(times[rival].map((ms, round) => ms / times.one[round]))),
      unit: 'ratio',
    };
  }
}

/** A copy of as many elements, shared out over so many threads. */
function startCopy(infos: readonly ParameterInfo[], threads: number) {
  const total = infos.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const workers = Array.from({ length: threads }, () => {
    const workerData = { tensors: infos.length, elements: Math.round(total / infos.length / threads) };
    return new Worker(new URL('./half-copy.js', import.meta.url), { workerData });
  });
  const rival = timed('copy', async () => {
    await Promise.all(
      workers.map((worker) => {
        worker.postMessage('copy');
        return once(worker, 'message');
      }),
    );
  });
  return {
    ...rival,
    async stop() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
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
  const { rivals } = await ownRivals(trainer.parameters, { plain, znorm: optimizer });
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
