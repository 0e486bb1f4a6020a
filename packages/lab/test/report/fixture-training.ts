import { randomStream, uniform } from '@znorm/train';
import type { GradientSnapshot, HistoryPoint, LayerStatistics, SeedResult } from '../../src/comparison.ts';

/** Parameters of a network of 20 layers, named as ours are; for figures only. */
const layers: { path: string; size: number; scale: number }[] = [
  { path: 'stem/conv/kernel', size: 432, scale: 1 },
  { path: 'stem/norm/gamma', size: 16, scale: 0.3 },
  ...[1, 2, 3].flatMap((stage) =>
    [0, 1, 2].flatMap((block) =>
      [1, 2].flatMap((conv) => {
        const path = `stage${stage}/block${block}/conv${conv}`;
        const channels = 8 * 2 ** stage;
        return [
          {
            path: `${path}/conv/kernel`,
            size: 9 * channels ** 2,
            scale: 0.9 / (stage * stage + 0.2 * block),
          },
          { path: `${path}/norm/gamma`, size: channels, scale: 0.05 },
          { path: `${path}/norm/beta`, size: channels, scale: 0.04 },
        ];
      }),
    ),
  ),
  { path: 'output/kernel', size: 640, scale: 1.4 },
  { path: 'output/bias', size: 10, scale: 0.1 },
];

/** Adds an invented history and invented gradients, the same for the same method and seed. Nothing was trained. */
export function inventTraining(method: string, seed: SeedResult): SeedResult {
  const stream = randomStream(seed.seed, `fixture ${method}`);
  const random = () => uniform(stream);
  const around = (value: number, spread: number) => value * (1 + spread * (random() + random() - 1));
  const epochs = Array.from({ length: 21 }, (_, index) => index / 4);
  const history = epochs.map((epoch): HistoryPoint => {
    const progress = 1 - Math.exp(-epoch / 1.4);
    const accuracy = 0.1 + (seed.test.accuracy! - 0.1) * progress;
    return {
      epoch,
      step: Math.round(140 * epoch),
      train: {
        loss: around(2.3 * (1.02 - accuracy), 0.06),
        accuracy: around(Math.min(0.99, accuracy * 1.03), 0.03),
      },
      validation: {
        loss: around(2.3 * (1.06 - accuracy), 0.05),
        accuracy: around(accuracy, 0.03),
      },
    };
  });
  const gradients = Array.from({ length: 36 }, (_, index): GradientSnapshot => {
    const step = index * 20;
    return {
      step,
      layers: layers.map(({ path, size, scale }) => {
        const std = around((scale * Math.exp(-step / 500)) / Math.sqrt(size), 0.5);
        const mean = std * 0.4 * (random() - 0.5);
        return { path, before: statistics(mean, std, size), after: transformed(method, mean, std, size) };
      }),
      descentCosine: method === 'znorm' ? around(0.85, 0.05) : 1,
    };
  });
  return { ...seed, history, gradients, degenerateSteps: method === 'znorm' ? 3 : 0 };
}

function transformed(method: string, mean: number, std: number, size: number): LayerStatistics {
  if (method === 'znorm') return statistics(0, 1, size);
  if (method === 'gc') return statistics(mean / 50, std, size);
  if (method === 'clip') return statistics(mean / 2, std / 2, size);
  return statistics(mean, std, size);
}

function statistics(mean: number, std: number, size: number): LayerStatistics {
  const norm = Math.sqrt(size * (mean * mean + std * std));
  return { mean, std, norm, zeros: 0, largest: Math.abs(mean) + 3 * std };
}
