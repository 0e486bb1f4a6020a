import * as tf from '@tensorflow/tfjs-core';
import type { ArrayTensor } from '../backends/arrays.ts';
import { type GradientInspection, type InspectOptions, inspectGradients } from '../inspect/gradients.ts';
import { knownOptions, positiveInteger } from '../option-checks.ts';
import { type CompiledModel, type FitCallback, fitCallback, optimizerOf } from './fit-callback.ts';
import type { Gradients } from './host-update.ts';

export interface GradientReport extends GradientInspection {
  /** Steps that had been taken before these gradients. */
  readonly step: number;
}

export interface GradientAlarm {
  readonly kind: 'vanishing' | 'exploding';
  readonly layers: readonly string[];
  readonly step: number;
  readonly message: string;
}

export interface GradientMonitorOptions extends InspectOptions {
  /** Looks at every k-th step: reading a gradient off a GPU takes time. @default 1 */
  readonly every?: number;
  /** Called with the statistics of every step that is looked at. */
  readonly onReport?: (report: GradientReport) => void;
  /** Called when a layer's gradients begin to vanish or explode. @default a warning on the console */
  readonly onAlarm?: (alarm: GradientAlarm) => void;
}

/**
 * Watches the gradients of each layer during `fit`, as they are before the optimizer's chain, and says when those of a
 * layer begin to vanish or explode (see `inspectGradients`).
 *
 *     await model.fit(x, y, { callbacks: gradientMonitor(model, { every: 10, onReport: ({ layers }) => plot(layers) }) });
 *
 * @param model compiled with `tfjsOptimizer` by the time training begins
 * @throws RangeError if an option is out of its range; when training begins, TypeError if the optimizer is another
 * @example
 * const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
 * model.compile({ optimizer: tfjsOptimizer(adam()), loss: 'meanSquaredError' });
 * const reports: unknown[] = [];
 * const callbacks = gradientMonitor(model, { every: 2, onReport: (report) => reports.push(report) });
 * await model.fit(tf.ones([6, 2]), tf.ones([6, 1]), { batchSize: 2, epochs: 2, verbose: 0, callbacks });
 * reports.length; // 3
 */
export function gradientMonitor(model: CompiledModel, options: GradientMonitorOptions = {}): FitCallback {
  knownOptions('gradientMonitor', options, ['every', 'onReport', 'onAlarm', 'vanishing', 'exploding']);
  const { every = 1, onReport, onAlarm = ({ message }) => console.warn(message), ...thresholds } = options;
  positiveInteger('gradientMonitor', 'every', every);
  inspectGradients({}, thresholds);

  let stop = () => {};
  let waiting: { readonly step: number; readonly gradients: Gradients } | undefined;
  const alarming = { vanishing: new Set<string>(), exploding: new Set<string>() };
  const clear = () => {
    if (waiting) tf.dispose(waiting.gradients);
    waiting = undefined;
  };

  function alarm(kind: 'vanishing' | 'exploding', { step, ...inspection }: GradientReport): void {
    const layers = inspection[kind].filter((layer) => !alarming[kind].has(layer));
    alarming[kind] = new Set(inspection[kind]);
    if (layers.length === 0) return;
    const list = layers
      .map((layer) => `'${layer}' (norm ${inspection.layers[layer].toPrecision(3)})`)
      .join(', ');
    onAlarm({
      kind,
      layers,
      step,
      message: `gradientMonitor: gradients are ${kind} at step ${step} in ${list}.`,
    });
  }

  return fitCallback({
    onTrainBegin() {
      stop();
      const optimizer = optimizerOf('gradientMonitor', model);
      stop = optimizer.observe((gradients) => {
        const step = optimizer.iterations;
        if (step % every !== 0) return;
        clear();
        // The step's own gradients are gone before they can be awaited.
        const copies = Object.entries(gradients).map(([name, x]) => [name, tf.keep(tf.clone(x))]);
        waiting = { step, gradients: Object.fromEntries(copies) };
      });
    },
    async onBatchEnd() {
      if (!waiting) return;
      const { step, gradients } = waiting;
      try {
        const report = { step, ...(await inspectTensors(gradients, thresholds)) };
        onReport?.(report);
        alarm('vanishing', report);
        alarm('exploding', report);
      } finally {
        clear();
      }
    },
    onTrainEnd() {
      stop();
      clear();
    },
  });
}

/**
 * `inspectGradients` of tensors, for training loops of one's own. Waits for them: no device is held up.
 *
 * @example
 * const w = tf.variable(tf.tensor1d([3, 4]), true, 'layer/w');
 * const { grads } = tf.variableGrads(() => tf.sum(tf.square(w)));
 * (await inspectTensors(grads)).norm; // 10
 */
export async function inspectTensors(
  gradients: Gradients,
  options?: InspectOptions,
): Promise<GradientInspection> {
  const read = Object.entries(gradients).map(async ([name, x]): Promise<[string, ArrayTensor]> => {
    return [name, { shape: x.shape, data: await x.data<'float32'>() }];
  });
  return inspectGradients(Object.fromEntries(await Promise.all(read)), options);
}
