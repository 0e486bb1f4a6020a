import { arrays } from '../../src/backends/arrays.ts';
import type { Carrier } from './carrier.ts';

export const arraysCarrier: Carrier = {
  name: 'plain arrays',
  compiles: false,
  compile: (computation) => ({
    run: async (inputs) => computation(arrays, inputs),
    release: async () => {},
  }),
};
