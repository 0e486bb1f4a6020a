import type { ArrayTensor } from '../../src/backends/arrays.ts';
import type { Named } from '../../src/parameters.ts';
import type { TensorOps } from '../../src/tensor-ops.ts';

/** A computation on tensors by name, written once for all backends. */
export type Computation = <T>(ops: TensorOps<T>, inputs: Named<T>) => Named<T>;

/** A way to run a computation: values in, values out, whatever lies between. */
export interface Carrier {
  readonly name: string;
  /** Whether a computation is traced once and only its trace is run, on values it never saw. */
  readonly compiles: boolean;
  /** Called once; the result runs it any number of times on inputs of the same names and shapes. */
  compile(computation: Computation): Compiled;
}

export interface Compiled {
  run(inputs: Named<ArrayTensor>): Promise<Named<ArrayTensor>>;
  release(): Promise<void>;
}

export function mapNamed<A, B>(named: Named<A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [name, change(value)]));
}
