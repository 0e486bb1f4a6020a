import { defaultDevice, init, jit, numpy as np } from '@jax-js/jax';
import type { ArrayTensor } from '../../src/backends/arrays.ts';
import { jaxOps } from '../../src/jax/index.ts';
import type { Named } from '../../src/parameters.ts';
import { type Carrier, mapNamed } from './carrier.ts';

type Tensor = np.Array;

export function jaxTensor({ data, shape }: ArrayTensor): Tensor {
  // np.array looks at the first element, also where there is none.
  return data.length === 0 ? np.zeros([...shape]) : np.array(Float32Array.from(data), { shape: [...shape] });
}

export async function jaxValues(x: Tensor): Promise<ArrayTensor> {
  const { shape } = x;
  return { shape, data: (await x.data()) as Float32Array };
}

/**
 * `wasm` is the device whose arithmetic is float32 throughout; `cpu` evaluates in JavaScript numbers. It is asked for
 * by name, because otherwise jax-js looks for a graphics card in `navigator`, which Node 20 does not have.
 *
 * onnxruntime-web puts a global `Worker` into Node when it loads. jax-js, which looks for one at every kernel, would
 * from then on link kernels against a shared memory that it does not have. Neither needs it on one thread.
 */
export async function useJax(): Promise<void> {
  Object.defineProperty(globalThis, 'Worker', { get: () => undefined, set: () => {}, configurable: true });
  await init('wasm');
  defaultDevice('wasm');
}

export const jaxCarrier: Carrier = {
  name: 'jax-js under jit',
  compiles: true,
  compile(computation) {
    const compiled = jit((inputs: Record<string, Tensor>) => jaxOps.tidy(() => computation(jaxOps, inputs)));
    return {
      async run(inputs) {
        const results = compiled(mapNamed(inputs, jaxTensor)) as Named<Tensor>;
        const values: Record<string, ArrayTensor> = {};
        for (const [name, x] of Object.entries(results)) values[name] = await jaxValues(x);
        return values;
      },
      release: async () => compiled.dispose(),
    };
  },
};
