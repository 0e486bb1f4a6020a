import {
  type ArrayTensor,
  type GradientTransformation,
  type Named,
  type ParameterInfo,
  type Report,
  type State,
  stages,
} from 'znorm';
import type { Explanation } from 'znorm/wasm';
import { type Batch, countSamples, pieces } from './batch.ts';
import { encodeCheckpoint, restoreCheckpoint } from './checkpoint.ts';
import { createDigest } from './digest.ts';
import { createEvaluationSource } from './evaluation-source.ts';
import { createGraphUpdate } from './graph-update.ts';
import { knownOptions } from './known-options.ts';
import { refuseNonFinite, requireFinite } from './nonfinite-error.ts';
import type { Objective } from './objective.ts';
import { cutPadding, paddingToCut, requirePaddable, withoutPadding } from './padding.ts';
import { type Engine, resolveEngine } from './runtime/engine.ts';
import type { SafetensorsContent } from './safetensors.ts';
import { evaluationGraph, predictionGraph, type StepGraph, trainingGraph } from './step-graph.ts';
import { type LoadedStep, loadStep, type Measured, stepsByShape } from './step-run.ts';
import { createTrainingState, type StepTaken, slotsOf, takeStep } from './training-state.ts';

export interface TrainerOptions {
  /** What is trained, such as `classification({ model, input })`. */
  readonly objective: Objective;
  /** A chain of gradient transformations that ends in steps, such as `momentum({ learningRate: 0.1 })`. */
  readonly optimizer: GradientTransformation;
  /** Samples a training step; evaluation and prediction cut their data into batches of this size too. */
  readonly batchSize: number;
  /** Of first weights and dropout. @default 0 */
  readonly seed?: number;
  /** `auto` takes onnxruntime-node where it can be loaded, else WebAssembly. @default 'auto' */
  readonly engine?: 'auto' | Engine;
  /**
   * Where the chain runs: `fused` on the processor, in one kernel where it can; `graph` in the graph that computes the
   * gradients, so that parameters and state stay on the device from step to step. `auto` takes `graph` on WebGPU.
   * @default 'auto'
   */
  readonly updates?: 'auto' | 'fused' | 'graph';
  /** Threads inside an operator, and of a large model's update. Any number gives the same bits. @default 1 */
  readonly threads?: number;
  /** Called between the chain and the change of the parameters. */
  readonly onGradients?: (step: GradientStep) => void;
  /** Whether `onGradients` wants a step, counted from 0. The others cost nothing. @default every step */
  readonly gradientsAt?: (step: number) => boolean;
}

/** Gradients and updates by parameter path. The arrays are good until the call returns; copy what should stay. */
export interface GradientStep {
  /** Counted from 0. */
  readonly step: number;
  readonly gradients: Named<ArrayTensor>;
  readonly updates: Named<ArrayTensor>;
  /** Before the update. */
  readonly parameters: Named<ArrayTensor>;
  /** The chain's state before the update: with it, any part of the chain can be looked at on its own. */
  readonly state: State<ArrayTensor>;
  readonly infos: Readonly<Record<string, ParameterInfo>>;
}

/** Loss, weight and counts are of the whole batch, before the update. */
export interface StepResult extends Measured {
  /** Counted from 0. */
  readonly step: number;
  /** Whether a guard in the chain ended the step: then nothing has changed. */
  readonly skipped: boolean;
  /** What the chain had to say: degenerate statistics, non-finite elements. */
  readonly reports: readonly Report<ArrayTensor>[];
}

export interface Evaluation {
  /** Mean over all batches, each by its weight: over all samples, if the objective says nothing else. */
  readonly loss: number;
  /** Sums over all batches. */
  readonly counts: Readonly<Record<string, number>>;
  /** Samples. */
  readonly count: number;
}

export interface Trainer {
  readonly engine: Engine;
  /** Where the chain runs. */
  readonly updates: 'fused' | 'graph';
  /** How the chain runs on the processor: as one fused kernel, or why not. `explanation.text` is for reading. */
  readonly explanation: Explanation;
  /**
   * What is learnt, in the order of the model. `data` is a view that always shows the current values; what is written
   * to it, the next call computes with.
   */
  readonly parameters: readonly (ParameterInfo & { readonly data: Float32Array })[];
  /** Steps taken so far. */
  readonly steps: number;
  /** Running hash of every batch trained on: equal in two runs that saw the same bytes in the same order. */
  readonly batchHash: string;
  /** Trains on one batch of exactly `batchSize` samples. @throws RangeError naming step and tensor if a number is not finite */
  step(batch: Batch): Promise<StepResult>;
  /**
   * Loss and counts in evaluation mode, over any number of samples. The parameters are those that the chain means for
   * evaluation: averages of `emaOfParams`, slow ones of `lookahead`, schedule-free ones. Running statistics of batch
   * normalizations stay those that training has gathered.
   */
  evaluate(batches: Batch | Iterable<Batch> | AsyncIterable<Batch>): Promise<Evaluation>;
  /**
   * The objective's outputs in evaluation mode, by the parameters of `evaluate`, for any number of samples. Of the
   * inputs only those must be there that the outputs depend on: no labels for logits. The arrays belong to the caller.
   */
  predict(batch: Batch): Promise<Named<ArrayTensor>>;
  /**
   * With updates in the graph, brings parameters, buffers and optimizer state back from where they are computed. To be
   * awaited before they are looked at, hashed or saved; `evaluate` and `predict` take them where they are. Nothing to
   * do otherwise.
   */
  synchronize(): Promise<void>;
  /** Hash of the parameters alone: equal in two runs that start from the same weights. */
  parameterHash(): string;
  /** Hash of all that training changes: parameters, buffers, optimizer state. */
  stateHash(): string;
  /**
   * The whole state as a safetensors file. In Node, `saveCheckpoint` of `@znorm/train/node` writes it to disk.
   *
   * @param attached   what else a resumed run needs from this moment, such as a replay buffer
   */
  checkpoint(attached?: SafetensorsContent): Uint8Array;
  /**
   * Goes back to a checkpoint.
   *
   * @returns what was attached to it
   * @throws RangeError if it is damaged, or of another model, optimizer or seed
   */
  restore(checkpoint: Uint8Array): SafetensorsContent | undefined;
  /** Frees the runtime's memory. The trainer must not be used afterwards. */
  dispose(): Promise<void>;
}

/**
 * Builds the training step of an objective as one graph and loads it.
 *
 * A step runs the graph (forward, loss, backward), hands the gradients to the optimizer's chain, and adds the updates
 * to the parameters. Weight decay, clipping and learning rates are all the chain's business.
 *
 * @throws RangeError if the objective does not give one loss, or the engine cannot be loaded
 * @example
 * const trainer = await createTrainer({
 *   objective: classification({ model: mlp({ hidden: [64], classes: 10 }), input: { shape: [28 * 28] } }),
 *   optimizer: chain(znorm(), momentum({ learningRate: 0.1 })),
 *   batchSize: 64,
 * });
 * const { loss } = await trainer.step({ inputs, labels });
 */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const {
    objective,
    optimizer,
    batchSize,
    seed = 0,
    threads = 1,
    onGradients,
    gradientsAt = () => true,
  } = options;
  knownOptions('createTrainer', options, optionNames);
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new RangeError(
      `createTrainer: expected \`batchSize\` to be a whole number >= 1, got ${batchSize}.`,
    );
  }
  const engine = await resolveEngine(options.engine ?? 'auto');
  const updates = oneOfUpdates(options.updates ?? 'auto', engine);
  if (updates === 'graph' && onGradients) {
    throw new RangeError(
      "createTrainer: expected no `onGradients` with updates in the graph, whose gradients never leave it. Choose `updates: 'fused'`.",
    );
  }
  requirePaddable(objective.inputs);
  const graph = trainingGraph(objective, batchSize);
  const state = await createTrainingState(graph.declared, optimizer, seed, {
    watched: onGradients !== undefined,
    engine,
    threads: updates === 'fused' ? threads : 1,
  });
  const load = (built: StepGraph) => loadStep(built, state, { engine, threads });
  const inGraph =
    updates === 'graph' ? await createGraphUpdate(graph, optimizer, state, { engine, threads }) : undefined;
  const fused = stepsByShape(batchSize, (count, cut) =>
    load(cut === 0 ? graph : trainingGraph(withoutPadding(objective, cut), count)),
  );
  if (!inGraph) await fused.of(batchSize, 0);
  const evaluations = stepsByShape(batchSize, (count, cut) =>
    load(evaluationGraph(withoutPadding(objective, cut), count)),
  );
  const predictions = stepsByShape(batchSize, (count) => load(predictionGraph(objective, count)));
  const source = createEvaluationSource(optimizer, state, { engine, threads });
  let predictedFrom: readonly string[] | undefined;
  const digest = await createDigest();
  const guarded = stages(optimizer).some(({ primitive }) => primitive.name === 'nonfinite');

  let steps = 0;
  let batchHash = digest('');
  let busy = false;

  /** The graph and its tensors serve one call at a time. */
  const alone = async <T>(where: string, action: () => Promise<T>): Promise<T> => {
    if (busy)
      throw new Error(
        `${where}: expected the last call to have finished. Await step(), evaluate() and predict().`,
      );
    busy = true;
    try {
      return await action();
    } finally {
      busy = false;
    }
  };

  const step = async (batch: Batch): Promise<StepResult> => {
    const count = countSamples('step', batch, objective.inputs);
    if (count !== batchSize) {
      throw new RangeError(`step: expected a batch of ${batchSize} samples, got ${count}.`);
    }
    return withStep(steps, async () => {
      const taken = await (inGraph
        ? inGraph.step(batch, { seed, step: steps }, guarded ? undefined : refuseNonFinite)
        : fusedStep(batch));
      batchHash = digest(batchHash, ...graph.inputs.map((name) => batch[name]));
      return { step: steps++, ...taken };
    });
  };

  const fusedStep = async (batch: Batch): Promise<Measured & StepTaken> => {
    const cut = paddingToCut(batch, objective.inputs);
    const loaded = await fused.of(batchSize, cut);
    await loaded.run(cutPadding(batch, objective.inputs, cut), { seed, step: steps });
    const measured = loaded.measured();
    if (!guarded) requireFinite(measured.loss, state);
    const { gradients, parameters, infos } = state;
    const taken = takeStep(
      state,
      onGradients && gradientsAt(steps)
        ? (updates, before) =>
            onGradients({ step: steps, gradients, updates, parameters, state: before, infos })
        : undefined,
    );
    return { ...measured, ...taken };
  };

  const inMemory = (where: string) => {
    if (!inGraph?.current) return;
    throw new Error(
      `${where}: expected the training state in memory, got a newer one where the graph runs. Await synchronize() first.`,
    );
  };

  const evaluate = async (
    batches: Batch | Iterable<Batch> | AsyncIterable<Batch>,
    given: Given,
  ): Promise<Evaluation> => {
    const counts: Record<string, number> = {};
    let lossSum = 0;
    let weightSum = 0;
    let count = 0;
    for await (const batch of isBatch(batches) ? [batches] : batches) {
      for (const [piece, size] of pieces(
        batch,
        countSamples('evaluate', batch, objective.inputs),
        batchSize,
      )) {
        const cut = paddingToCut(piece, objective.inputs);
        const loaded = await evaluations.of(size, cut);
        await loaded.run(cutPadding(piece, objective.inputs, cut), { seed, step: steps }, given);
        const { loss, weight, counts: own } = loaded.measured();
        if (weight !== 0) lossSum += loss * weight; // a mean of nothing is NaN, and weighs nothing
        weightSum += weight;
        count += size;
        for (const name in own) counts[name] = (counts[name] ?? 0) + own[name];
      }
    }
    if (count === 0) throw new RangeError('evaluate: expected at least one sample, got none.');
    return { loss: lossSum / weightSum, counts, count };
  };

  const predict = async (batch: Batch, given: Given): Promise<Named<ArrayTensor>> => {
    predictedFrom ??= predictionGraph(objective, batchSize).inputs;
    const inputs = predictedFrom;
    const count = countSamples('predict', batch, objective.inputs, inputs);
    if (count === 0) throw new RangeError('predict: expected at least one sample, got none.');
    const needed = Object.fromEntries(inputs.map((name) => [name, batch[name]]));
    const whole: Record<string, { shape: number[]; data: Float32Array }> = {};
    let start = 0;
    for (const [piece, size] of pieces(needed, count, batchSize)) {
      const loaded = await predictions.of(size, 0);
      await loaded.run(piece, { seed, step: steps }, given);
      for (const [name, { shape, data }] of Object.entries(loaded.outputs)) {
        const each = data.length / size;
        whole[name] ??= { shape: [count, ...shape.slice(1)], data: new Float32Array(count * each) };
        whole[name].data.set(data, start * each);
      }
      start += size;
    }
    return whole;
  };

  const bytesOf = (tensors: [string, ArrayTensor][]) => tensors.flatMap(([name, { data }]) => [name, data]);

  return {
    engine,
    updates,
    explanation: state.update.explanation,
    parameters: Object.entries(state.parameters).map(([path, { data }]) => ({ ...state.infos[path], data })),
    get steps() {
      return steps;
    },
    get batchHash() {
      return batchHash;
    },
    step: (batch) => alone('step', () => step(batch)),
    evaluate: (batches) =>
      alone('evaluate', () => source.lend(inGraph?.current, (given) => evaluate(batches, given))),
    predict: (batch) =>
      alone('predict', () => source.lend(inGraph?.current, (given) => predict(batch, given))),
    synchronize: () => alone('synchronize', async () => inGraph?.synchronize()),
    parameterHash() {
      inMemory('parameterHash');
      return digest(...bytesOf(Object.entries(state.parameters)));
    },
    stateHash() {
      inMemory('stateHash');
      return digest(
        ...bytesOf(Object.entries(state.parameters)),
        ...bytesOf(Object.entries(state.buffers)),
        ...bytesOf(slotsOf(state.optimizer)),
        JSON.stringify([steps, state.optimizer.step, state.optimizer.gates]),
      );
    },
    checkpoint(attached) {
      inMemory('checkpoint');
      return encodeCheckpoint(state, { seed, steps, batchHash }, attached);
    },
    restore(checkpoint) {
      const { progress, attached } = restoreCheckpoint(state, seed, checkpoint);
      inGraph?.forget();
      ({ steps, batchHash } = progress);
      return attached;
    },
    dispose: () =>
      alone('dispose', async () => {
        state.update.dispose();
        for (const loaded of [inGraph, fused, evaluations, predictions, source]) await loaded?.release();
      }),
  };
}

/** What takes the place of tensors of the training state. */
type Given = Parameters<LoadedStep['run']>[2];

const optionNames: readonly (keyof TrainerOptions)[] = [
  'objective',
  'optimizer',
  'batchSize',
  'seed',
  'engine',
  'updates',
  'threads',
  'onGradients',
  'gradientsAt',
];

/** An error inside a step says which step: the message alone should tell where a run of hours ended. */
async function withStep<T>(step: number, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Error) error.message = `step ${step}: ${error.message}`;
    throw error;
  }
}

function isBatch(batches: Batch | Iterable<Batch> | AsyncIterable<Batch>): batches is Batch {
  return !(Symbol.iterator in batches || Symbol.asyncIterator in batches);
}

function oneOfUpdates(wanted: string, engine: Engine): 'fused' | 'graph' {
  if (wanted === 'auto') return engine === 'webgpu' ? 'graph' : 'fused';
  if (wanted === 'fused' || wanted === 'graph') return wanted;
  throw new RangeError(`createTrainer: expected \`updates\` to be auto, fused or graph, got ${wanted}.`);
}
