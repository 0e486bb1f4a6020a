import { describe, expect, test } from 'vitest';
import { add, mul } from '../../src/autodiff/arithmetic.ts';
import { gather } from '../../src/autodiff/indexing.ts';
import { createGraph, input, output } from '../../src/onnx/graph.ts';
import { toModelBytes } from '../../src/onnx/model.ts';
import { createSession } from '../../src/runtime/session.ts';

/** y = rows of x at ids; z = y + 1 */
function rowsGraph() {
  const graph = createGraph();
  const x = input(graph, 'x', [3, 2]);
  const ids = input(graph, 'ids', [2], 'int64');
  const y = gather(x, ids);
  output(y, 'y');
  output(add(y, 1), 'z');
  return graph;
}

const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };
const ids = { data: BigInt64Array.of(2n, 0n), shape: [2] };
const result = () => ({ data: new Float32Array(4), shape: [2, 2] });

describe.each(['native', 'wasm'] as const)('%s session', (engine) => {
  test('results are written in place into views of a WebAssembly memory, and read from them', async () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const at = (byteOffset: number, length: number) => new Float32Array(memory.buffer, byteOffset, length);
    at(64, 6).set(x.data);
    const session = await createSession(rowsGraph(), { engine });
    await session.run(
      { x: { data: at(64, 6), shape: [3, 2] }, ids },
      { y: { data: at(256, 4), shape: [2, 2] }, z: { data: at(1024, 4), shape: [2, 2] } },
    );
    await session.release();
    expect([...at(256, 4)]).toEqual([5, 6, 1, 2]);
    expect([...at(1024, 4)]).toEqual([6, 7, 2, 3]);
    expect([...at(256 + 16, 2)]).toEqual([0, 0]);
  });

  test('what a view holds at the time of a run counts, and outputs may be left out', async () => {
    const session = await createSession(rowsGraph(), { engine });
    const feed = { data: x.data.slice(), shape: x.shape };
    const z = result();
    await session.run({ x: feed, ids }, { z });
    expect([...z.data]).toEqual([6, 7, 2, 3]);
    feed.data.fill(10);
    await session.run({ x: feed, ids }, { z });
    expect([...z.data]).toEqual([11, 11, 11, 11]);
    await session.release();
  });

  test('the bytes of a model run as the graph does', async () => {
    const session = await createSession(toModelBytes(rowsGraph()), { engine });
    expect(session.inputNames).toEqual(['x', 'ids']);
    expect(session.outputNames).toEqual(['y', 'z']);
    const y = result();
    await session.run({ x, ids }, { y });
    await session.release();
    expect([...y.data]).toEqual([5, 6, 1, 2]);
  });

  test('wrong feeds and fetches are named', async () => {
    const session = await createSession(rowsGraph(), { engine });
    const y = result();
    await expect(session.run({ x }, { y })).rejects.toThrow(
      'Session.run: expected a feed for input `ids`, got none.',
    );
    await expect(session.run({ x, ids }, { w: y })).rejects.toThrow(
      'Session.run: expected the name of an output, got `w`. The model has y, z.',
    );
    await expect(session.run({ x: { ...x, shape: [2, 3] }, ids }, { y })).rejects.toThrow(
      'Session.run: expected Float32Array of shape [3,2] for input `x`, got Float32Array of 6 elements with shape [2,3].',
    );
    await expect(session.run({ x, ids: { data: Int32Array.of(1, 2), shape: [2] } }, { y })).rejects.toThrow(
      'Session.run: expected BigInt64Array of shape [2] for input `ids`, got Int32Array of 2 elements with shape [2].',
    );
    await expect(
      session.run({ x, ids }, { y: { data: new Float32Array(3), shape: [2, 2] } }),
    ).rejects.toThrow(
      'Session.run: expected Float32Array of shape [2,2] for output `y`, got Float32Array of 3 elements with shape [2,2].',
    );
    await session.release();
  });
});

test('a number of threads that cannot be is refused', async () => {
  const graph = createGraph();
  output(mul(input(graph, 'x', []), 2), 'y');
  await expect(createSession(graph, { engine: 'native', threads: 0 })).rejects.toThrow(
    'createSession: expected `threads` to be an integer >= 1, got 0.',
  );
});
