/** float32 tensors in one WebAssembly memory, in named groups: `views.parameters['dense/kernel']`. */
export interface TensorMemory<Group extends string> {
  /** Never grown: growing detaches every view. */
  readonly memory: WebAssembly.Memory;
  readonly views: Readonly<Record<Group, Readonly<Record<string, Float32Array>>>>;
}

/** Tensors start on a cache line, which also satisfies the 16 bytes of a SIMD load. */
const cacheLine = 64;
/** Large ones start on a page: tensors that are worked on together then cross pages together, a tenth faster. */
const memoryPage = 4096;
const largeBytes = 64 * memoryPage;
/** The unit in which a WebAssembly memory is measured. */
const wasmPage = 65536;
/** The first of them is left to the static data of a kernel that is instantiated over this memory. */
const reservedBytes = wasmPage;

/**
 * Lays tensors out in one WebAssembly memory, group after group, in the order given.
 *
 * One memory because each side then works in place: ONNX Runtime reads parameters from their views and writes
 * gradients into theirs, and a WASM kernel updates parameters and optimizer state where they lie.
 *
 * @param lengths elements of each tensor, by group and name
 * @param shared  whether other threads are to work on it too, where ONNX Runtime takes views of such a memory
 * @returns views, all zero
 * @throws RangeError beyond 4 GiB, all that a WebAssembly memory can hold
 * @example
 * const { views } = createTensorMemory({ parameters: { w: 100 }, gradients: { w: 100 } });
 * views.gradients.w[0] = 1;
 */
export function createTensorMemory<Group extends string>(
  lengths: Readonly<Record<Group, Readonly<Record<string, number>>>>,
  shared = false,
): TensorMemory<Group> {
  const groups = Object.entries(lengths) as [Group, Readonly<Record<string, number>>][];
  let end = reservedBytes;
  const offsets = groups.map(([, tensors]) =>
    Object.values(tensors).map((length) => {
      const bytes = 4 * length;
      const alignment = bytes < largeBytes ? cacheLine : memoryPage;
      const offset = Math.ceil(end / alignment) * alignment;
      end = offset + bytes;
      return offset;
    }),
  );
  const pages = Math.ceil(end / wasmPage);
  if (pages > 65536) {
    throw new RangeError(
      `createTensorMemory: expected at most 4 GiB, the limit of a WebAssembly memory, got ${(end / 2 ** 30).toFixed(1)} GiB. Use a smaller model or an optimizer with less state.`,
    );
  }
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });

  const views = Object.fromEntries(
    groups.map(([group, tensors], i) => {
      const placed = Object.entries(tensors).map(([name, length], j) => {
        return [name, new Float32Array(memory.buffer, offsets[i][j], length)] as const;
      });
      return [group, Object.fromEntries(placed)];
    }),
  ) as TensorMemory<Group>['views'];
  return { memory, views };
}
