import { add } from '../autodiff/arithmetic.ts';
import { reshape } from '../autodiff/shape.ts';
import type { Layer } from './scope.ts';

/**
 * Layers one after the other. Their names become the path of what they declare: `conv/kernel`, or `0/kernel` for a
 * plain list.
 *
 * @example
 * sequential({ hidden: dense({ units: 64 }), relu, output: dense({ units: 10 }) })
 */
export function sequential(layers: Readonly<Record<string, Layer>> | readonly Layer[]): Layer {
  return (x, scope) =>
    Object.entries(layers).reduce((value, [name, layer]) => layer(value, scope.child(name)), x);
}

/**
 * y = body(x) + shortcut(x)
 *
 * @param shortcut brings x to the shape of the body's result. @default x itself
 */
export function residual(body: Layer, shortcut: Layer = (x) => x): Layer {
  return (x, scope) => add(body(x, scope), shortcut(x, scope.child('shortcut')));
}

/** [N, …] → [N, product of the rest] */
export const flatten: Layer = (x) => reshape(x, [x.shape[0], -1]);
