import type { ParameterInfo, ParameterRole } from 'znorm';
import type { Initializer } from '../initializers.ts';
import { type Graph, input, sameShape, type Value } from '../onnx/graph.ts';
import type { RandomStream } from '../random.ts';

/**
 * A layer builds its part of the graph and declares what it keeps in its scope. Any operator of one tensor is a layer
 * as it stands: `relu`, `tanh`, `globalAveragePool`; with options, `(x) => maxPool2d(x, { kernel: 2 })`.
 */
export type Layer = (x: Value, scope: Scope) => Value;

/** Where a layer stands in the model: the names under which it declares parameters, buffers and randomness. */
export interface Scope {
  /** Segments joined by `/`; empty for the model itself. */
  readonly path: string;
  /** Whether the graph is for training, with batch statistics and dropout, or for evaluation. */
  readonly training: boolean;
  /** The scope of a part. */
  child(name: string): Scope;
  /** A tensor that is learnt. */
  parameter(name: string, shape: readonly number[], options: ParameterOptions): Value;
  /** A tensor that is kept from step to step without being learnt, such as a running mean. */
  buffer(name: string, shape: readonly number[], initial: number): Value;
  /** The value of a buffer after this step. */
  updateBuffer(name: string, next: Value): void;
  /**
   * A tensor of random numbers, drawn anew each step and fed to the graph.
   *
   * @param fill draws it, from a stream named after this path and the step
   */
  random(
    name: string,
    shape: readonly number[],
    fill: (out: Float32Array, next: RandomStream) => void,
  ): Value;
}

export interface ParameterOptions {
  readonly role: ParameterRole;
  readonly initializer: Initializer;
  /** @default 0, output-first as in ONNX and PyTorch */
  readonly outputAxis?: number;
  /** @default not divided into heads */
  readonly heads?: ParameterInfo['heads'];
}

/** All that the layers of a model declared, by path. */
export interface Declarations {
  readonly parameters: Map<string, DeclaredParameter>;
  readonly buffers: Map<string, DeclaredBuffer>;
  readonly randoms: Map<string, DeclaredRandom>;
}

interface DeclaredParameter {
  readonly info: ParameterInfo;
  readonly initializer: Initializer;
  readonly value: Value;
}

interface DeclaredBuffer {
  readonly initial: number;
  readonly value: Value;
  /** Absent while nothing updates it, as in a graph for evaluation. */
  readonly next?: Value;
}

interface DeclaredRandom {
  readonly fill: (out: Float32Array, next: RandomStream) => void;
  readonly value: Value;
}

/**
 * The scope of a whole model, and what its layers will have declared once it is built.
 *
 * @example
 * const { scope, declared } = createScope(graph, { training: true });
 * const logits = model(images, scope);
 * const parameters = [...declared.parameters.values()];
 */
export function createScope(
  graph: Graph,
  { training }: { training: boolean },
): { scope: Scope; declared: Declarations } {
  const declared: Declarations = { parameters: new Map(), buffers: new Map(), randoms: new Map() };

  const declare = (path: string, shape: readonly number[]): Value => {
    if (graph.names.has(path)) {
      throw new RangeError(
        `scope: expected a name not used before, got '${path}' a second time. Give each layer a scope of its own: scope.child(name).`,
      );
    }
    return input(graph, path, shape);
  };

  const at = (path: string): Scope => {
    const within = (name: string) => (path === '' ? name : `${path}/${name}`);
    return {
      path,
      training,
      child(name) {
        graph.layer = within(name);
        return at(graph.layer);
      },
      parameter(name, shape, { role, initializer, outputAxis = 0, heads }) {
        const value = declare(within(name), shape);
        const info: ParameterInfo = {
          path: value.name,
          shape: value.shape,
          outputAxis,
          role,
          ...(heads && { heads }),
        };
        declared.parameters.set(value.name, { info, initializer, value });
        return value;
      },
      buffer(name, shape, initial) {
        const value = declare(within(name), shape);
        declared.buffers.set(value.name, { initial, value });
        return value;
      },
      updateBuffer(name, next) {
        const buffer = declared.buffers.get(within(name));
        if (!buffer || !sameShape(buffer.value.shape, next.shape)) {
          const expected = buffer ? `a value of shape [${buffer.value.shape}]` : 'a declared buffer';
          throw new RangeError(
            `scope: expected ${expected}, got shape [${next.shape}] at '${within(name)}'.`,
          );
        }
        declared.buffers.set(buffer.value.name, { ...buffer, next });
      },
      random(name, shape, fill) {
        const value = declare(within(name), shape);
        declared.randoms.set(value.name, { fill, value });
        return value;
      },
    };
  };
  return { scope: at(''), declared };
}
