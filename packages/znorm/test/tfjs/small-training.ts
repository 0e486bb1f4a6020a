import * as tf from '@tensorflow/tfjs';
import type { ZnormOptimizer } from '../../src/tfjs/index.ts';

/** A variable, by default of a name that no other has. */
export function variable(values: readonly number[], name = `v${++made}`): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor1d([...values]), true, name));
}
let made = 0;

export function apply(
  optimizer: ZnormOptimizer,
  gradients: Readonly<Record<string, readonly number[]>>,
): void {
  tf.tidy(() => {
    const tensors = Object.entries(gradients).map(([name, values]) => [name, tf.tensor1d([...values])]);
    optimizer.applyGradients(Object.fromEntries(tensors));
  });
}

export function valuesOf(x: tf.Tensor): number[] {
  return [...x.dataSync()];
}

/** A network that starts with the same weights whenever it is built. */
export function smallModel(name = `layer${++made}`): tf.Sequential {
  const kernel = (seed: number) => tf.initializers.glorotNormal({ seed });
  return tf.sequential({
    layers: [
      tf.layers.dense({
        name: `${name}a`,
        units: 8,
        inputShape: [4],
        activation: 'tanh',
        kernelInitializer: kernel(1),
      }),
      tf.layers.dense({ name: `${name}b`, units: 1, kernelInitializer: kernel(2) }),
    ],
  });
}

/** What it learns: the same 32 examples always. */
export function smallTask(): { x: tf.Tensor2D; y: tf.Tensor2D } {
  const x = tf.randomNormal<tf.Rank.R2>([32, 4], 0, 1, 'float32', 7);
  return { x, y: tf.tidy(() => tf.sin(tf.sum(x, 1, true)) as tf.Tensor2D) };
}

export async function train(model: tf.LayersModel, steps: number): Promise<number[]> {
  const { x, y } = smallTask();
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await model.trainOnBatch(x, y)) as number);
  tf.dispose([x, y]);
  return losses;
}

export function weightsOf(model: tf.LayersModel): number[][] {
  return model.getWeights().map(valuesOf);
}

/** The message of what a call throws. */
export function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}
