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
import { softmaxCrossEntropy } from './autodiff/loss.ts';
import type { Batch } from './batches.ts';
import { encodeCheckpoint, restoreCheckpoint } from './checkpoint.ts';
import { createDigest } from './digest.ts';
import { knownOptions } from './known-options.ts';
import type { Layer } from './layers/scope.ts';
import { type Engine, resolveEngine } from './runtime/engine.ts';
import {
  evaluationGraph,
  type Loss,
  type StepGraph,
  type StepGraphOptions,
  trainingGraph,
} from './step-graph.ts';
import { type LoadedStep, loadStep } from './step-run.ts';
import { createTrainingState, slotsOf, type TrainingState, takeStep } from './training-state.ts';

export interface TrainerOptions {
  /** From inputs [N, …input.shape] to logits [N, classes]. */
  readonly model: Layer;
  /** The shape of one sample, such as `[3, 32, 32]`. */
  readonly input: { readonly shape: readonly number[] };
  /** A chain of gradient transformations that ends in steps, such as `momentum({ learningRate: 0.1 })`. */
  readonly optimizer: GradientTransformation;
  /** Samples a training step; evaluation cuts its data into batches of this size too. */
  readonly batchSize: number;
  /** Of first weights and dropout. @default 0 */
  readonly seed?: number;
  /** @default softmaxCrossEntropy */
  readonly loss?: Loss;
  /** `auto` takes onnxruntime-node where it can be loaded, else WebAssembly. @default 'auto' */
  readonly engine?: 'auto' | Engine;
  /** Threads inside an operator. Any number gives the same bits. @default 1 */
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

export interface StepResult {
  /** Counted from 0. */
  readonly step: number;
  /** Mean over the batch, before the update. */
  readonly loss: number;
  /** Samples whose largest logit is their label's. */
  readonly correct: number;
  /** Their share of the batch. */
  readonly accuracy: number;
  /** Whether a guard in the chain ended the step: then nothing has changed. */
  readonly skipped: boolean;
  /** What the chain had to say: degenerate statistics, non-finite elements. */
  readonly reports: readonly Report<ArrayTensor>[];
}

export interface Evaluation {
  /** Mean over all samples. */
  readonly loss: number;
  readonly correct: number;
  readonly accuracy: number;
  readonly count: number;
}

export interface Trainer {
  readonly engine: Engine;
  /** How the chain runs: as one fused kernel, or why not. `explanation.text` is for reading. */
  readonly explanation: Explanation;
  readonly classes: number;
  /** What is learnt, in the order of the model. `data` is a view that always shows the current values. */
  readonly parameters: readonly (ParameterInfo & { readonly data: Float32Array })[];
  /** Steps taken so far. */
  readonly steps: number;
  /** Running hash of every batch trained on: equal in two runs that saw the same bytes in the same order. */
  readonly batchHash: string;
  /** Trains on one batch of exactly `batchSize` samples. @throws RangeError naming step and tensor if a number is not finite */
  step(batch: Batch): Promise<StepResult>;
  /** Loss and accuracy in evaluation mode, over any number of samples. */
  evaluate(batches: Batch | Iterable<Batch>): Promise<Evaluation>;
  /** Hash of the parameters alone: equal in two runs that start from the same weights. */
  parameterHash(): string;
  /** Hash of all that training changes: parameters, buffers, optimizer state. */
  stateHash(): string;
  /** The whole state as a safetensors file. In Node, `saveCheckpoint` of `@znorm/train/node` writes it to disk. */
  checkpoint(): Uint8Array;
  /** Goes back to a checkpoint. @throws RangeError if it is damaged, or of another model, optimizer or seed */
  restore(checkpoint: Uint8Array): void;
  /** Frees the runtime's memory. The trainer must not be used afterwards. */
  dispose(): Promise<void>;
}

/**
 * Builds the training step of a model as one graph and loads it.
 *
 * A step runs the graph (forward, loss, backward), hands the gradients to the optimizer's chain, and adds the updates
 * to the parameters. Weight decay, clipping and learning rates are all the chain's business.
 *
 * @throws RangeError if the model does not fit the input, or the engine cannot be loaded
 * @example
 * const trainer = await createTrainer({
 *   model: mlp({ hidden: [64], classes: 10 }),
 *   input: { shape: [28 * 28] },
 *   optimizer: chain(znorm(), momentum({ learningRate: 0.1 })),
 *   batchSize: 64,
 * });
 * const { loss } = await trainer.step({ inputs, labels });
 */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const {
    model,
    input,
    optimizer,
    batchSize,
    seed = 0,
    loss = softmaxCrossEntropy,
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
  const graphFor = (build: (options: StepGraphOptions) => StepGraph, count: number) =>
    build({ model, loss, batchSize: count, inputShape: input.shape });

  const graph = graphFor(trainingGraph, batchSize);
  const classes = graph.logitsShape[1];
  const state = await createTrainingState(graph.declared, optimizer, seed, {
    watched: onGradients !== undefined,
  });
  const training = await loadStep(graph, state, { engine, threads });
  const evaluations = new Map<number, LoadedStep>();
  const digest = await createDigest();
  const guarded = stages(optimizer).some(({ primitive }) => primitive.name === 'nonfinite');

  let steps = 0;
  let batchHash = digest('');
  let busy = false;

  /** The graph and its tensors serve one call at a time. */
  const alone = async <T>(where: string, action: () => Promise<T>): Promise<T> => {
    if (busy)
      throw new Error(`${where}: expected the last call to have finished. Await step() and evaluate().`);
    busy = true;
    try {
      return await action();
    } finally {
      busy = false;
    }
  };

  /** One graph a batch size. That of the whole batch stays; that of a last partial batch, until another is needed. */
  const evaluationOf = async (count: number): Promise<LoadedStep> => {
    const known = evaluations.get(count);
    if (known) return known;
    for (const [size, old] of evaluations) {
      if (size === batchSize) continue;
      evaluations.delete(size);
      await old.release();
    }
    const loaded = await loadStep(graphFor(evaluationGraph, count), state, { engine, threads });
    evaluations.set(count, loaded);
    return loaded;
  };

  const step = async (batch: Batch): Promise<StepResult> => {
    requireBatch('step', batch, input.shape, classes);
    if (batch.labels.length !== batchSize) {
      throw new RangeError(`step: expected a batch of ${batchSize} samples, got ${batch.labels.length}.`);
    }
    return withStep(steps, async () => {
      const result = await training.run(batch, { seed, step: steps });
      if (!guarded) requireFinite(result.loss, state);
      const { gradients, parameters, infos } = state;
      const { skipped, reports } = takeStep(
        state,
        onGradients && gradientsAt(steps)
          ? (updates, before) =>
              onGradients({ step: steps, gradients, updates, parameters, state: before, infos })
          : undefined,
      );
      batchHash = digest(batchHash, batch.inputs, batch.labels);
      return { step: steps++, ...result, accuracy: result.correct / batchSize, skipped, reports };
    });
  };

  const evaluate = async (batches: Batch | Iterable<Batch>): Promise<Evaluation> => {
    let lossSum = 0;
    let correct = 0;
    let count = 0;
    for (const batch of 'inputs' in batches ? [batches] : batches) {
      requireBatch('evaluate', batch, input.shape, classes);
      for (const piece of pieces(batch, batchSize)) {
        const size = piece.labels.length;
        const result = await (await evaluationOf(size)).run(piece, { seed, step: steps });
        lossSum += result.loss * size;
        correct += result.correct;
        count += size;
      }
    }
    if (count === 0) throw new RangeError('evaluate: expected at least one sample, got none.');
    return { loss: lossSum / count, correct, accuracy: correct / count, count };
  };

  const bytesOf = (tensors: [string, ArrayTensor][]) => tensors.flatMap(([name, { data }]) => [name, data]);

  return {
    engine,
    explanation: state.update.explanation,
    classes,
    parameters: Object.entries(state.parameters).map(([path, { data }]) => ({ ...state.infos[path], data })),
    get steps() {
      return steps;
    },
    get batchHash() {
      return batchHash;
    },
    step: (batch) => alone('step', () => step(batch)),
    evaluate: (batches) => alone('evaluate', () => evaluate(batches)),
    parameterHash: () => digest(...bytesOf(Object.entries(state.parameters))),
    stateHash: () =>
      digest(
        ...bytesOf(Object.entries(state.parameters)),
        ...bytesOf(Object.entries(state.buffers)),
        ...bytesOf(slotsOf(state.optimizer)),
        JSON.stringify([steps, state.optimizer.step, state.optimizer.gates]),
      ),
    checkpoint: () => encodeCheckpoint(state, { seed, steps, batchHash }),
    restore(checkpoint) {
      ({ steps, batchHash } = restoreCheckpoint(state, seed, checkpoint));
    },
    dispose: () =>
      alone('dispose', async () => {
        for (const loaded of [training, ...evaluations.values()]) await loaded.release();
        evaluations.clear();
      }),
  };
}

const optionNames: readonly (keyof TrainerOptions)[] = [
  'model',
  'input',
  'optimizer',
  'batchSize',
  'seed',
  'loss',
  'engine',
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

function requireBatch(
  where: string,
  { inputs, labels }: Batch,
  shape: readonly number[],
  classes: number,
): void {
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (inputs.length !== labels.length * size) {
    throw new RangeError(
      `${where}: expected ${labels.length * size} inputs for ${labels.length} samples of shape [${shape}], got ${inputs.length}.`,
    );
  }
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) {
    throw new RangeError(
      `${where}: expected labels from 0 to ${classes - 1}, got ${labels[wrong]} at sample ${wrong}.`,
    );
  }
}

/** A step that came to a number that is not finite: `tensor` is the gradient it was found in, null for the loss. */
export interface NonFiniteError extends RangeError {
  readonly tensor: string | null;
}

/** Whether an error of `step()` is of this kind. */
export function isNonFinite(error: unknown): error is NonFiniteError {
  return error instanceof RangeError && 'tensor' in error;
}

function nonFinite(message: string, tensor: string | null): NonFiniteError {
  return Object.assign(new RangeError(message), { tensor });
}

/** Without this, one infinity turns every weight into NaN and the run goes on. A chain with `nonfinite` decides itself. */
function requireFinite(loss: number, { update, gradients }: TrainingState): void {
  const next = 'Lower the learning rate, clip gradients, or start the chain with nonfinite().';
  const path = update.firstNonfinite();
  if (path !== undefined) {
    const value = gradients[path].data.find((element) => !Number.isFinite(element));
    throw nonFinite(`expected finite gradients, got ${value} at '${path}' (loss ${loss}). ${next}`, path);
  }
  if (!Number.isFinite(loss)) throw nonFinite(`expected a finite loss, got ${loss}. ${next}`, null);
}

/** A batch cut into pieces of at most `size` samples. */
function* pieces({ inputs, labels }: Batch, size: number): Generator<Batch> {
  const sampleSize = inputs.length / labels.length;
  for (let start = 0; start < labels.length; start += size) {
    const end = Math.min(start + size, labels.length);
    yield {
      inputs: inputs.subarray(start * sampleSize, end * sampleSize),
      labels: labels.subarray(start, end),
    };
  }
}
