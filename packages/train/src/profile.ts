import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch } from './batch.ts';
import { knownOptions } from './known-options.ts';
import { originInName } from './onnx/node-name.ts';
import { resolveEngine } from './runtime/engine.ts';
import { trainingGraph } from './step-graph.ts';
import { loadStep } from './step-run.ts';
import type { TrainerOptions } from './trainer.ts';
import { createTrainingState, takeStep } from './training-state.ts';

export interface ProfileOptions extends Omit<TrainerOptions, 'engine' | 'onGradients' | 'gradientsAt'> {
  /** The batch of a step, counted from 0. */
  readonly batchAt: (step: number) => Batch;
  /** Steps that are measured. @default 10 */
  readonly steps?: number;
  /** Steps before them, which pay for allocation. @default 3 */
  readonly warmup?: number;
}

/** Where the time of a step goes. Times are means over the steps, so that parts add up to the whole. */
export interface StepProfile {
  readonly steps: number;
  /** Of a whole step, by the clock. */
  readonly milliseconds: number;
  /** Longest first. What is missing to the whole is spent between operators. */
  readonly parts: readonly ProfilePart[];
}

/** One kind of operator in one layer. */
export interface ProfilePart {
  /** `runtime`: what ONNX Runtime adds for itself and for no layer in particular. */
  readonly phase: 'forward' | 'backward' | 'update' | 'runtime';
  /** Path of its scope; `loss` for what comes after the model. Empty for the update. */
  readonly layer: string;
  /** As ONNX Runtime calls it, after its own rewriting; `fused` or `arrays` for the update. */
  readonly operator: string;
  /** A step. */
  readonly milliseconds: number;
  /** Operators a step. */
  readonly count: number;
}

/**
 * Takes training steps under ONNX Runtime's profiler, which writes down the time of every operator. Native runtime
 * only.
 *
 * Operators count for the layer whose scope was entered last before them: the sum that ends a residual block counts
 * for the block's last part. What serves to differentiate a layer is that layer's backward phase.
 *
 * @throws RangeError for an unknown option, Error if the native runtime cannot be loaded
 * @example
 * const { parts } = await profileSteps({ objective, optimizer, batchSize: 64, threads: 2, batchAt });
 * parts[0]; // { phase: 'backward', layer: 'stage1/block0/conv1/conv', operator: 'Conv', milliseconds: 2.1, count: 1 }
 */
export async function profileSteps(options: ProfileOptions): Promise<StepProfile> {
  knownOptions('profileSteps', options, optionNames);
  const { objective, optimizer, batchSize, batchAt, seed = 0, threads = 1, steps = 10, warmup = 3 } = options;
  const engine = await resolveEngine('native');
  const graph = trainingGraph(objective, batchSize);
  const state = await createTrainingState(graph.declared, optimizer, seed, {
    watched: false,
    engine,
    threads,
  });
  const folder = await mkdtemp(join(tmpdir(), 'znorm-profile-'));
  try {
    const loaded = await loadStep(graph, state, { engine, threads, profile: join(folder, 'times') });
    let whole = 0;
    let updates = 0;
    for (let step = 0; step < warmup + steps; step++) {
      const batch = batchAt(step);
      const start = performance.now();
      await loaded.run(batch, { seed, step });
      const computed = performance.now();
      takeStep(state);
      const end = performance.now();
      if (step < warmup) continue;
      whole += end - start;
      updates += end - computed;
    }
    await loaded.release();
    const [file] = await readdir(folder);
    const events: TraceEvent[] = JSON.parse(await readFile(join(folder, file), 'utf8'));
    const update: ProfilePart = {
      phase: 'update',
      layer: '',
      operator: state.update.explanation.fused ? 'fused' : 'arrays',
      milliseconds: updates / steps,
      count: 1,
    };
    return {
      steps,
      milliseconds: whole / steps,
      parts: [...partsOf(events, warmup), update].sort((a, b) => b.milliseconds - a.milliseconds),
    };
  } finally {
    state.update.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

const optionNames: readonly (keyof ProfileOptions)[] = [
  'objective',
  'optimizer',
  'batchSize',
  'seed',
  'threads',
  'batchAt',
  'steps',
  'warmup',
];

/** An entry of ONNX Runtime's profile, in the format of Chrome's traces. Times in microseconds. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

/** Sums times of equal phase, layer and operator over all runs but the first. */
function partsOf(events: readonly TraceEvent[], warmup: number): ProfilePart[] {
  const runs = events.filter(({ name }) => name === 'model_run').toSorted((a, b) => a.ts - b.ts);
  const measured = runs.length - warmup;
  const sums = new Map<
    string,
    { part: Omit<ProfilePart, 'milliseconds' | 'count'>; us: number; n: number }
  >();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || ts < runs[warmup].ts) continue;
    if (args.op_name === 'Scan') continue; // the operators that it runs are there too
    const { phase, layer } = originInName(name) ?? { phase: 'runtime' as const, layer: '' };
    const part = { phase, layer, operator: args.op_name ?? 'unknown' };
    const key = JSON.stringify(part);
    const sum = sums.get(key) ?? { part, us: 0, n: 0 };
    sum.us += dur;
    sum.n += 1;
    sums.set(key, sum);
  }
  return [...sums.values()].map(({ part, us, n }) => ({
    ...part,
    milliseconds: us / 1000 / measured,
    count: n / measured,
  }));
}
