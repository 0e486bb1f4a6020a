import {
  classification,
  createTrainer,
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
  interleave,
  median,
  type Result,
  type Rival,
  spread,
} from './interleave.ts';
import { findTorch, startTorch } from './torch.ts';

interface Case {
  /** As `peers/torch_train.py` calls it. */
  readonly network: string;
  readonly model: Layer;
  readonly shape: readonly number[];
  readonly classes: number;
  readonly batchSize: number;
  /** Steps of one turn: about half a second. */
  readonly steps: number;
}

const images = { shape: [3, 32, 32], classes: 10 };
const resnet20 = { network: 'resnet20', model: resnet({ depth: 20, classes: 10 }), ...images };

const cases: Record<string, Case> = {
  'resnet20-b32': { ...resnet20, batchSize: 32, steps: 7 },
  'resnet20-b64': { ...resnet20, batchSize: 64, steps: 5 },
  'resnet20-b128': { ...resnet20, batchSize: 128, steps: 3 },
  'resnet56-b64': {
    network: 'resnet56',
    model: resnet({ depth: 56, classes: 10 }),
    ...images,
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
  },
};

/**
 * A whole training step (forward, backward, momentum, loss and accuracy read) against PyTorch on the same work.
 * `train/<case>/torch` is how many times as many samples a second we train.
 */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  const python = await findTorch(options);
  for (const [name, config] of chosenCases(cases, options.cases)) {
    const own = await startOwn(config, options.threads);
    const torchArguments = [config.network, String(config.batchSize), String(options.threads)];
    const torch = python && (await startTorch(python, 'torch_train.py', torchArguments, options));
    const rivals: Rival[] = torch ? [own, torch] : [own];
    const times = await interleave(rivals, { rounds: 7, steps: config.steps });
    const perSecond = (milliseconds: readonly number[]) =>
      milliseconds.map((ms) => (1e3 * config.batchSize) / ms);

    yield {
      key: `train/${name}/samples-per-second`,
      name: `${name}: samples a second, ${own.engine}`,
      value: Math.round(median(perSecond(times.znorm))),
      unit: 'samples/s',
    };
    if (torch) {
      const ratios = times.torch.map((ms, round) => ms / times.znorm[round]);
      options.report(
        `${name}: ${spread(perSecond(times.znorm))} samples/s, PyTorch ${spread(perSecond(times.torch))}, ratio ${spread(ratios)}`,
      );
      yield {
        key: `train/${name}/torch`,
        name: `${name}: times as fast as PyTorch`,
        value: Number(median(ratios).toFixed(3)),
        unit: 'ratio',
      };
      torch.stop();
    }
    await own.stop();
  }
}

async function startOwn({ model, shape, classes, batchSize }: Case, threads: number) {
  const optimizer = momentum({ learningRate: 0.01, momentum: 0.9 });
  const trainer = await createTrainer({
    objective: classification({ model, input: { shape } }),
    optimizer,
    batchSize,
    threads,
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
