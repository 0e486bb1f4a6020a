import { type ArrayTensor, type Named, sizeOf } from 'znorm';
import { type Carrier, mapNamed } from '../../../znorm/test/carriers/carrier.ts';
import { createGraph, input, output } from '../../src/onnx/graph.ts';
import { nodesOf } from '../../src/onnx/transformation-nodes.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { createSession } from '../../src/runtime/session.ts';

export function onnxCarrier(engine: Engine): Carrier {
  return {
    name: `ONNX graph nodes (${engine})`,
    compiles: true,
    compile(computation) {
      async function prepare(inputs: Named<ArrayTensor>) {
        const graph = createGraph();
        const fed = Object.entries(inputs).map(([name, { shape }]) => [
          name,
          input(graph, `in ${name}`, shape),
        ]);
        const results = computation(nodesOf(graph), Object.fromEntries(fed));
        for (const [name, value] of Object.entries(results)) output(value, `out ${name}`);
        const session = await createSession(graph, { engine });
        return { session, shapes: mapNamed(results, ({ shape }) => shape) };
      }
      let prepared: ReturnType<typeof prepare> | undefined;
      return {
        async run(inputs) {
          prepared ??= prepare(inputs);
          const { session, shapes } = await prepared;
          const feeds = mapNamed(inputs, ({ data, shape }) => ({ data: Float32Array.from(data), shape }));
          const results = mapNamed(shapes, (shape) => ({ data: new Float32Array(sizeOf(shape)), shape }));
          await session.run(prefixed('in ', feeds), prefixed('out ', results));
          return results;
        },
        release: async () => (await prepared)?.session.release(),
      };
    },
  };
}

/** Inputs and outputs of a graph share one space of names. */
function prefixed<V>(prefix: string, named: Named<V>): Named<V> {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [prefix + name, value]));
}
