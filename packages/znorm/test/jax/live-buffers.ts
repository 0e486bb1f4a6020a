import { numpy as np } from '@jax-js/jax';

/** How many buffers jax-js holds on its WebAssembly device. It keeps them in a private Map, seen here as it is written to. */
export function bufferCount(): () => number {
  const written = new Set<Map<unknown, unknown>>();
  const { set } = Map.prototype;
  Map.prototype.set = function (key, value) {
    written.add(this);
    return set.call(this, key, value);
  };
  const x = np.array(Float32Array.of(1, 2, 3));
  Map.prototype.set = set;
  const held = [...written].map((map) => ({ map, size: map.size }));
  x.dispose();
  const buffers = held.find(({ map, size }) => map.size === size - 1);
  if (!buffers) throw new Error('expected a table of buffers that shrinks when an array is freed');
  return () => buffers.map.size;
}
