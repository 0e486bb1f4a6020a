/** What the page does for agreement.test.ts: chains on a backend of TensorFlow.js that needs a browser. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { adamw, chain, znorm } from '../../../src/index.ts';
import { tfjsOptimizer } from '../../../src/tfjs/index.ts';
import { chains } from '../../conformance/chain-grid.ts';
import { errorsOf } from '../agreement-cases.ts';

export interface AgreementPage {
  /** @returns why the backend does not start here; nothing if it does */
  start(backend: string): Promise<string | undefined>;
  /** @returns by chain and variable, the largest error relative to the variable's largest value */
  errors(names: readonly string[]): Promise<Record<string, number>>;
  /** @returns how many tensors twenty steps of znorm and AdamW leave behind */
  leaked(): number;
}

const page: AgreementPage = {
  async start(backend) {
    try {
      if (await tf.setBackend(backend)) return undefined;
    } catch (error) {
      return `${error}`;
    }
    return `TensorFlow.js finds no adapter for its ${backend} backend in this browser`;
  },

  async errors(names) {
    const found: Record<string, number> = {};
    for (const name of names) {
      for (const [path, error] of Object.entries(await errorsOf(chains[name], 'device'))) {
        found[`${name}: ${path}`] = error;
      }
    }
    return found;
  },

  leaked() {
    const before = tf.memory().numTensors;
    const w = tf.tidy(() => tf.variable(tf.ones([8, 8]), true, 'w'));
    const gradients = { [w.name]: tf.randomNormal([8, 8]) };
    const optimizer = tfjsOptimizer(chain(znorm(), adamw()), { updateOn: 'device' });
    optimizer.applyGradients(gradients);
    const afterOne = tf.memory().numTensors;
    for (let i = 0; i < 20; i++) optimizer.applyGradients(gradients);
    const grown = tf.memory().numTensors - afterOne;
    optimizer.dispose();
    tf.dispose(gradients);
    tf.disposeVariables();
    return grown || tf.memory().numTensors - before;
  },
};
Object.assign(globalThis, { page });
