import {
  classification,
  createTrainer,
  type Engine,
  fillNormal,
  type Layer,
  mlp,
  randomStream,
  resnet,
  tanh,
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
import { findPeers, type Peer, startPeerAt } from './peers.ts';

interface Case {
  /** What results are filed under. @default 'train' */
  readonly group?: string;
  /** @default 'auto' */
  readonly engine?: Engine;
  /** As the scripts of the peers call it. */
  readonly network: string;
  readonly model: Layer;
  readonly shape: readonly number[];
  readonly classes: number;
  readonly batchSize: number;
  /** Steps of one turn: about half a second. */
  readonly steps: number;
  /** With whom it can be compared. */
  readonly peers: readonly Peer['name'][];
}

const resnet20 = {
  network: 'resnet20',
  model: resnet({ depth: 20, classes: 10 }),
  shape: [3, 32, 32],
  classes: 10,
  peers: ['torch'],
} as const;

const cases: Record<string, Case> = {
  'resnet20-b32': { ...resnet20, batchSize: 32, steps: 7, peers: ['torch', 'tfjs', 'jax'] },
  'resnet20-b64': { ...resnet20, batchSize: 64, steps: 5 },
  'resnet20-b128': { ...resnet20, batchSize: 128, steps: 3 },
  'resnet56-b64': {
    ...resnet20,
    network: 'resnet56',
    model: resnet({ depth: 56, classes: 10 }),
    batchSize: 64,
    steps: 2,
  },
  mlp: {
    network: 'mlp',
    model: mlp({ hidden: [64, 64], classes: 2, activation: tanh }),
    shape: [4],
    classes: 2,
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

async function startOwn({ model, shape, classes, batchSize, engine }: Case, threads: number) {
  const trainer = await createTrainer({
    objective: classification({ model, input: { shape } }),
    optimizer: momentum({ learningRate: 0.01, momentum: 0.9 }),
    batchSize,
    threads,
    engine,
  });
  const inputs = new Float32Array(batchSize * shape.reduce((size, axis) => size * axis, 1));
  fillNormal(randomStream(0, 'bench'), inputs);
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % classes);
  return {
    name: 'znorm',
    engine: trainer.engine,
    async measure(steps: number) {
      const times: number[] = [];
      for (let step = 0; step < steps; step++) {
        const start = performance.now();
        await trainer.step({ inputs, labels });
        times.push(performance.now() - start);
      }
      return times;
    },
    stop: () => trainer.dispose(),
  };
}
