/**
 * Where the chains of the grid run, and how far from plain arrays each backend may be. Every suite takes its chains and
 * its bound from here, and docs/conformance.md shows this table: a test compares them.
 */
import { gradientParts, optimizerParts } from '../fused/chains.ts';
import { chains } from './chain-grid.ts';

export interface Backend {
  readonly where: 'Node' | 'Chromium' | 'Node and Chromium';
  /** Names of the chains of the grid that run, all of them with ZNORM_FULL=1. */
  readonly tried: readonly string[];
  /** Those that `npm test` runs, if not all. */
  readonly usually?: readonly string[];
  /** Largest error of a parameter after five steps, relative to the largest value of its tensor. */
  readonly bound: number;
  /** The suite. */
  readonly file: string;
  /** Why chains of the grid are left out. */
  readonly without?: string;
}

const all = Object.keys(chains);
const but = (names: readonly string[]) => all.filter((name) => !names.includes(name));

const throwing = ['guard that throws, AdamW', 'znorm that may refuse, AdamW'];
const cannotThrow = "a compiled step cannot throw: `nonfinite()` and `onDegenerate: 'throw'` are refused";

/** Steps that `nonfinite({ action: 'skip' })` may leave out. */
const skipping = ['guard that skips, AdamW', 'adaptive clipping of what znorm makes, AdamW'];
const neverEnds = 'the result of the first step never arrives in Chromium with its software adapter';

/** They read a number in the middle of an update. */
const reading = [...throwing, ...skipping, 'large steps skipped'];

/** One for each kind of statistics, of selection and of state. */
const few = [
  'znorm by layer, AdamW',
  'znorm by row, AdamW',
  'znorm of everything, AdamW',
  'znorm by every third step, AdamW',
  'znorm by a sample, then centralized, AdamW',
  'adaptiveClip, AdamW',
  'clipped, then znorm, AdamW',
  'everything masked differently, AdamW',
  'znorm, nesterov',
  'znorm, muon',
  'lars',
  'adam, lookahead',
];

/** Five steps of some ten roundings to float32 (6e-8) each. */
const usual = 3e-6;
/** A shader's division, root and power may be off by a few units in the last place. */
const onDevice = 1e-5;

const tfjs = 'packages/znorm/test/tfjs/agreement.test.ts';
const inChromium = 'packages/znorm/test/tfjs/browser/agreement.test.ts';

export const backends = {
  'TensorFlow.js cpu, step on the host': { where: 'Node', tried: all, bound: usual, file: tfjs },
  'TensorFlow.js cpu, step on the device': { where: 'Node', tried: all, bound: usual, file: tfjs },
  'TensorFlow.js wasm, step on the host': { where: 'Node', tried: all, bound: usual, file: tfjs },
  'TensorFlow.js wasm, step on the device': { where: 'Node', tried: all, bound: usual, file: tfjs },
  'TensorFlow.js webgl': { where: 'Chromium', tried: all, usually: few, bound: onDevice, file: inChromium },
  'TensorFlow.js webgpu': {
    where: 'Chromium',
    tried: but(reading),
    usually: few,
    bound: onDevice,
    file: inChromium,
    without:
      'they read a number in the middle of a step, during which Chromium’s software adapter loses its device',
  },
  'jax-js wasm, under jit': {
    where: 'Node',
    tried: but(throwing),
    bound: onDevice,
    file: 'packages/znorm/test/jax/agreement.test.ts',
    without: cannotThrow,
  },
  'jax-js webgpu, under jit': {
    where: 'Chromium',
    tried: but([...throwing, ...skipping]),
    usually: few,
    bound: onDevice,
    file: 'packages/znorm/test/jax/browser/agreement.test.ts',
    without: neverEnds,
  },
  'ONNX cpu': {
    where: 'Node',
    tried: but(throwing),
    bound: onDevice,
    file: 'packages/train/test/chain-grid.test.ts',
    without: cannotThrow,
  },
  'ONNX wasm': {
    where: 'Node',
    tried: but(throwing),
    bound: onDevice,
    file: 'packages/train/test/chain-grid.test.ts',
    without: cannotThrow,
  },
  'ONNX webgpu': {
    where: 'Node',
    tried: but(throwing),
    usually: few,
    bound: onDevice,
    file: 'packages/train/test/chain-grid.test.ts',
    without: cannotThrow,
  },
} satisfies Readonly<Record<string, Backend>>;

/** How many chains the fused kernel is held to: every gradient part before every optimizer. */
export const fusedChains = Object.keys(gradientParts).length * Object.keys(optimizerParts).length;

/** The variables whose error is above the bound; a NaN is, too. */
export function exceeding(errors: Readonly<Record<string, number>>, bound: number): [string, number][] {
  return Object.entries(errors).filter(([, error]) => !(error <= bound));
}
