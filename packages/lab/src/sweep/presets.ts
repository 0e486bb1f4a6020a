import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';

/** The size of a comparison, before options change it. */
export interface Preset {
  readonly model: string;
  readonly epochs: number;
  readonly batchSize: number;
  /** How many: 0, 1, 2 … */
  readonly seeds: number;
  /** Images; Infinity for as many as there are. */
  readonly trainSize: number;
  readonly validationSize: number;
  readonly testSize: number;
}

/** `quick` is for an answer over coffee, `smoke` to see that everything works, `paper` for the published setting. */
export const presets: Readonly<Record<string, Preset>> = {
  smoke: {
    model: 'resnet8',
    epochs: 2,
    batchSize: 32,
    seeds: 2,
    trainSize: 512,
    validationSize: 256,
    testSize: 512,
  },
  quick: {
    model: 'resnet8',
    epochs: 3,
    batchSize: 32,
    // The fewest with which one of three methods can be told from the baseline at p < 0.05, corrected.
    seeds: 7,
    trainSize: 2000,
    validationSize: 500,
    testSize: 4000,
  },
  paper: {
    model: 'resnet20',
    epochs: 200,
    batchSize: 128,
    seeds: 5,
    trainSize: Infinity,
    validationSize: 5000,
    testSize: Infinity,
  },
};

/** The networks of the published setting, one comparison each. */
export const paperModels: readonly string[] = ['resnet20', 'resnet56', 'resnet110'];

/**
 * Rates tried where none is asked for. Adam-like steps have the same size whatever a method makes of the gradient's
 * scale, so one customary rate serves all methods; a step of SGD grows with the gradient, so there every method gets
 * the same grid.
 */
export const customaryRates: Readonly<Record<string, readonly number[]>> = {
  sgd: [0.1, 0.01, 0.001],
  momentum: [0.1, 0.01, 0.001],
  rmsprop: [0.001],
  adam: [0.001],
  adamw: [0.001],
};

/** @throws ExpectedError naming the unknown preset */
export function presetByName(name: string): Preset {
  if (Object.hasOwn(presets, name)) return presets[name];
  const all = Object.keys(presets);
  const hint = didYouMean(name, all) || ` Known: ${all.join(', ')}.`;
  throw badInput(`compare: unknown preset '${name}'.${hint}`);
}
