import {
  type FusedPlan,
  isStriped,
  type PlannedBatch,
  type PlannedTensor,
  type UnfusedPlan,
} from './plan.ts';

/** How threads share out the batches of a plan. */
export interface Division {
  /** Each done by one thread, in this order. */
  readonly whole: readonly PlannedBatch[];
  /** Cut into chunks. */
  readonly cut: readonly PlannedBatch[];
}

/** Elements of a tensor that one thread works on at a time: whole units, or a piece of one. */
export interface Chunk {
  readonly tensor: PlannedTensor;
  readonly firstUnit: number;
  /** 0 for a piece. */
  readonly unitCount: number;
  /** Of its elements, counted from the tensor's first. */
  readonly start: number;
  readonly count: number;
}

/** As in the kernel's `sums.ts`: sums are taken chunk by chunk however a tensor is shared out. */
export const chunkElements = 65_536;

/**
 * The largest batches come first, and one is cut where it would leave others without work: if it is more than a
 * thread's share of what is left. Of 25 equal ones that is the last, on two threads. Whole ones cost less: they are
 * measured while others are updated. Bits are the same either way.
 */
export function divide({ batches }: FusedPlan, threads: number): Division {
  if (threads === 1) return { whole: batches, cut: [] };
  const whole: PlannedBatch[] = [];
  const cut: PlannedBatch[] = [];
  const bySize = batches
    .map((batch) => ({ batch, size: elementsOf(batch.tensors) }))
    .sort((a, b) => b.size - a.size);
  let left = elementsOf(batches.flatMap(({ tensors }) => tensors));
  for (const { batch, size } of bySize) {
    // Units that take turns are measured together.
    const isCut = size > chunkElements && threads * size > left && !batch.tensors.some(isStriped);
    (isCut ? cut : whole).push(batch);
    left -= size;
  }
  return { whole, cut };
}

/**
 * Below, waking a thread takes about as long as what it takes over. znorm + AdamW, one thread over two, with 20 ms
 * between steps in which both threads sleep; the second figure while other processes had both cores busy:
 *
 *     5M      2M      1M      500k    270k elements
 *     1.62    1.43    1.05    1.37    0.95   at best
 *     0.90    0.94    0.97    0.97    0.99   at the median, busy
 */
const leastElements = 2_000_000;

/** How many threads, of those there are, make a step faster: one for a small model, and for a chain that is not fused. */
export function usefulThreads(plan: FusedPlan | UnfusedPlan, most: number): number {
  if (!plan.fused) return 1;
  const elements = elementsOf(plan.batches.flatMap(({ tensors }) => tensors));
  return elements < leastElements ? 1 : most;
}

export function elementsOf(tensors: readonly PlannedTensor[]): number {
  return tensors.reduce((sum, { unitCount, unitSize }) => sum + unitCount * unitSize, 0);
}

export function chunksOf({ tensors }: PlannedBatch): Chunk[] {
  return tensors.flatMap((tensor) => (tensor.unitSize > chunkElements ? pieces(tensor) : unitGroups(tensor)));
}

function pieces(tensor: PlannedTensor): Chunk[] {
  const { unitCount, unitSize } = tensor;
  const perUnit = Math.ceil(unitSize / chunkElements);
  return Array.from({ length: unitCount * perUnit }, (_, i) => {
    const firstUnit = Math.floor(i / perUnit);
    const within = (i % perUnit) * chunkElements;
    const count = Math.min(chunkElements, unitSize - within);
    return { tensor, firstUnit, unitCount: 0, start: firstUnit * unitSize + within, count };
  });
}

function unitGroups(tensor: PlannedTensor): Chunk[] {
  const { unitCount, unitSize } = tensor;
  if (unitCount === 0) return [];
  const atOnce = Math.floor(chunkElements / unitSize);
  return Array.from({ length: Math.ceil(unitCount / atOnce) }, (_, i) => {
    const firstUnit = i * atOnce;
    const units = Math.min(atOnce, unitCount - firstUnit);
    return { tensor, firstUnit, unitCount: units, start: firstUnit * unitSize, count: units * unitSize };
  });
}
