import { shown } from '../option-checks.ts';
import type { ZnormOptimizer } from './optimizer.ts';

/** Numbers of a batch or an epoch, by name: `loss`, `val_loss`. */
export type Logs = Readonly<Record<string, number>>;

/** What a callback may do. */
export interface FitEvents {
  onTrainBegin?(): void | Promise<void>;
  onTrainEnd?(): void | Promise<void>;
  onEpochEnd?(epoch: number, logs?: Logs): void | Promise<void>;
  onBatchEnd?(batch: number, logs?: Logs): void | Promise<void>;
}

/**
 * A callback for `model.fit`: alone, in a list of its kind, or behind callbacks of TensorFlow.js in a list that begins
 * with one of those.
 */
export interface FitCallback extends Required<FitEvents> {
  onEpochBegin(): Promise<void>;
  onBatchBegin(): Promise<void>;
  setParams(): void;
  setModel(): void;
}

/** TensorFlow.js calls everything on a callback that stands behind one of its own, and only what is there else. */
export function fitCallback(events: FitEvents): FitCallback {
  const nothing = async () => {};
  return {
    onTrainBegin: nothing,
    onTrainEnd: nothing,
    onEpochBegin: nothing,
    onEpochEnd: nothing,
    onBatchBegin: nothing,
    onBatchEnd: nothing,
    setParams() {},
    setModel() {},
    ...events,
  };
}

/** A compiled model, as much as callbacks need of it. */
export interface CompiledModel {
  readonly optimizer: unknown;
  stopTraining: boolean;
}

/** @throws TypeError if the model was compiled with another optimizer, or not at all */
export function optimizerOf(where: string, model: CompiledModel): ZnormOptimizer {
  const optimizer = model?.optimizer as Partial<ZnormOptimizer> | null | undefined;
  if (typeof optimizer?.observe === 'function') return optimizer as ZnormOptimizer;
  const got = optimizer?.getClassName?.() ?? shown(optimizer);
  throw new TypeError(
    `${where}: expected a model compiled with tfjsOptimizer(), got one with ${got}. Call model.compile({ optimizer: tfjsOptimizer(…), … }) before fit().`,
  );
}
