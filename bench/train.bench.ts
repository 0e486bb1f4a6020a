import {
  type Batch,
  classification,
  createTrainer,
  type Engine,
  fillNormal,
  mlp,
  type Objective,
  randomStream,
  resnet,
  softmaxCrossEntropy,
  tanh,
  transformer,
} from '@znorm/train';
import { momentum } from 'znorm';
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
import { timed } from './own-rivals.ts';
import { findPeers, type Peer, startPeerAt } from './peers.ts';

interface Case {
  /** What results are filed under. @default 'train' */
  readonly group?: string;
  /** @default 'auto' */
  readonly engine?: Engine;
  /** As the scripts of the peers call it. */
  readonly network: string;
  readonly objective: Objective;
  readonly batchSize: number;
  /** Steps of one turn: about half a second. */
  readonly steps: number;
  /** With whom it can be compared. */
  readonly peers: readonly Peer['name'][];
}

const images = (depth: number) =>
  classification({ model: resnet({ depth, classes: 10 }), input: { shape: [3, 32, 32] } });
const resnet20 = { network: 'resnet20', objective: images(20), peers: ['torch'] } as const;

const tokens = { shape: [128], dtype: 'int32', below: 96 } as const;
const nextToken = transformer({ vocabulary: 96, context: 128, layers: 4, heads: 4, width: 128 });

const cases: Record<string, Case> = {
  'resnet20-b32': { ...resnet20, batchSize: 32, steps: 7, peers: ['torch', 'tfjs', 'jax'] },
  'resnet20-b64': { ...resnet20, batchSize: 64, steps: 5 },
  'resnet20-b128': { ...resnet20, batchSize: 128, steps: 3 },
  'resnet56-b64': { ...resnet20, network: 'resnet56', objective: images(56), batchSize: 64, steps: 2 },
  transformer: {
    network: 'transformer',
    objective: {
      inputs: { tokens, labels: tokens },
      build: ({ tokens, labels }, scope) => ({ loss: softmaxCrossEntropy(nextToken(tokens, scope), labels) }),
    },
    batchSize: 16,
    steps: 5,
    peers: ['torch'],
  },
  mlp: {
    network: 'mlp',
    objective: classification({
      model: mlp({ hidden: [64, 64], classes: 2, activation: tanh }),
      input: { shape: [4] },
    }),
    batchSize: 64,
    steps: 500,
    peers: ['torch'],
  },
  'resnet20-b32-web': {
    ...resnet20,
    group: 'train-web',
    engine: 'wasm',
    batchSize: 32,
    steps: 3,
    peers: ['tfjs', 'jax'],
  },
};

/**
 * A whole training step (forward, backward, momentum, loss and accuracy read) against peers on the same work.
 * `train/<case>/<peer>` is how many times as many samples a second we train; `train-web/<case>/<peer>` the same with
 * our WebAssembly engine.
 */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  const chosen = chosenCases(cases, options.cases);
  const found = await findPeers(options);
  for (const [name, config] of chosen) {
    const own = await startOwn(config, options.threads);
    const key = `${config.group ?? 'train'}/${name.replace('-web', '')}`;
    const label = `${name}, ${own.engine}`;
    const peers = found.filter((peer) => config.peers.includes(peer.name));
    const speeds: number[] = [];
    for (const peer of peers) yield await against(peer, { key, label, own, config, speeds }, options);
    if (peers.length === 0) await compare([own], config, speeds);
    options.report(`${label}: ${spread(speeds)} samples/s`);
    yield {
      key: `${key}/samples-per-second`,
      name: `${label}: samples a second`,
      value: digits(median(speeds)),
      unit: 'samples/s',
    };
    await own.stop();
  }
}

interface Ours {
  readonly key: string;
  readonly label: string;
  readonly own: Rival;
  readonly config: Case;
  /** What was measured, in samples a second, goes here. */
  readonly speeds: number[];
}

async function against(peer: Peer, ours: Ours, options: BenchOptions): Promise<Result> {
  const { key, label, own, config, speeds } = ours;
  const words = [config.network, config.batchSize, options.threads];
  const started = await startPeerAt(peer, 'train', words, options);
  // A step of the JavaScript peers takes seconds.
  const rival = peer.name === 'torch' ? started : { ...started, steps: 1 };
  const times = await compare([own, rival], config, speeds);
  started.stop();
  const ratios = times[peer.name].map((ms, round) => ms / times.znorm[round]);
  const theirs = times[peer.name].map((ms) => (1e3 * config.batchSize) / ms);
  options.report(`${label}: ${peer.name} ${spread(theirs)} samples/s, ratio ${spread(ratios)}`);
  return {
    key: `${key}/${peer.name}`,
    name: `${label}: times as fast as ${peer.name}`,
    value: digits(median(ratios)),
    unit: 'ratio',
  };
}

async function compare(rivals: readonly Rival[], { steps, batchSize }: Case, speeds: number[]) {
  const times = await interleave(rivals, { rounds: 7, steps });
  speeds.push(...times.znorm.map((ms) => (1e3 * batchSize) / ms));
  return times;
}

async function startOwn({ objective, batchSize, engine }: Case, threads: number) {
  const optimizer = momentum({ learningRate: 0.01, momentum: 0.9 });
  const trainer = await createTrainer({ objective, optimizer, batchSize, threads, engine });
  const batch = randomBatch(objective, batchSize);
  const step = timed('znorm', async () => {
    await trainer.step(batch);
  });
  return { ...step, engine: trainer.engine, stop: () => trainer.dispose() };
}

/** Normal numbers, and indices that go round. */
function randomBatch({ inputs }: Objective, batchSize: number): Batch {
  const filled = Object.entries(inputs).map(([name, { shape, dtype, below = 1 }]) => {
    const length = batchSize * shape.reduce((size, axis) => size * axis, 1);
    if (dtype === 'int32') return [name, Int32Array.from({ length }, (_, i) => i % below)];
    const data = new Float32Array(length);
    fillNormal(randomStream(0, 'bench'), data);
    return [name, data];
  });
  return Object.fromEntries(filled);
}
