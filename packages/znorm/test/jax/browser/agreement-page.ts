/** What the page does for agreement.test.ts: chains on jax-js's WebGPU device, which only a browser has. */
import { defaultDevice, init } from '@jax-js/jax';
import { chains } from '../../conformance/chain-grid.ts';
import { errorsUnderJit } from '../agreement-case.ts';

export interface JaxPage {
  /** @returns why the device does not start here; nothing if it does */
  start(): Promise<string | undefined>;
  /** @returns by variable, the largest error relative to the variable's largest value */
  errors(name: string): Promise<Record<string, number>>;
}

const page: JaxPage = {
  async start() {
    try {
      const devices = await init('webgpu');
      if (!devices.includes('webgpu'))
        return `jax-js has ${devices.join(', ')} in this browser, and no webgpu`;
      defaultDevice('webgpu');
      return undefined;
    } catch (error) {
      return `${error}`;
    }
  },
  errors: (name) => errorsUnderJit(chains[name]),
};
Object.assign(globalThis, { page });
