// The plan as it lies in memory: records of numbers and addresses that the host writes (../../records.ts holds the
// same fields in the same order, and a test compares the two) and that the kernel reads and fills in.
//
// How a plan hangs together:
//   Plan → Batch[]: tensors that must all be measured before any of them is updated
//          Batch → Tensor[]: where a parameter, its gradient and its moments lie, and its units
//                  Tensor → Unit[]: a span of elements that share one affine map, a row or the whole tensor
//                  Tensor → Recipe: what becomes of every element after the map
//          Batch → Task[]: the transformations that change the maps, in the order of the chain
//                  Task → Member[]: the tensors whose statistics it takes together

//
// How threads share it out:
//   Schedule → Batch[]: those that one thread does as a whole
//            → Batch[]: those that are too large for that
//                       Batch → Chunk[]: pieces of its tensors
//   Scratch: one for each thread

@unmanaged export class Plan {
  batches: usize;
  batchCount: u32;
}

/** Room for two vectors each of a gradient, a parameter, the moments and the result: the end of a tensor. */
@unmanaged export class Scratch {
  room0: f64; room1: f64; room2: f64; room3: f64;
  room4: f64; room5: f64; room6: f64; room7: f64;
  room8: f64; room9: f64; room10: f64; room11: f64;
  room12: f64; room13: f64; room14: f64; room15: f64;
  room16: f64; room17: f64; room18: f64; room19: f64;
}

@unmanaged export class Batch {
  tensors: usize;
  tensorCount: u32;
  tasks: usize;
  taskCount: u32;
  /** Where it is cut up for several threads, else none. */
  chunks: usize;
  chunkCount: u32;
}

@unmanaged export class Tensor {
  gradient: usize;
  parameter: usize;
  /** Where the update is written, when it is asked for instead of added to the parameter. */
  update: usize;
  /** First moments, or momentum. */
  first: usize;
  /** Second moments. */
  second: usize;
  recipe: usize;
  units: usize;
  unitCount: u32;
  /** Elements of each unit. */
  unitSize: u32;
  /** How many of them lie together: all, or fewer where the units take turns (see `stripes.ts`). */
  stripe: u32;
  /** Where they take turns: how many elements are mapped at a time, before they are updated. */
  block: u32;
  /** A `Measure`. */
  measure: u32;
}

/**
 * u = scale · (g − centre) + offset. The centre is kept apart from the offset because scale · g + offset would lose
 * the digits of g − mean wherever |mean| is large; the offset is 0 unless the scale is.
 */
@unmanaged export class Unit {
  mean: f64;
  /** Σ (g − mean)² */
  deviations: f64;
  scale: f64;
  centre: f64;
  offset: f64;
}

/** Numbers of the update, the same for many tensors; the host writes them anew at each step. Symbols as in update.ts. */
@unmanaged export class Recipe {
  /** A `Direction`. */
  direction: u32;
  /** 1 if it needs more than the lean loop of update.ts does. */
  isFull: u32;
  limitBefore: f32;
  limitAfter: f32;
  factor: f32;
  decay: f32;
  /** 1 − momentum, or 1 − b1. */
  firstRate: f32;
  /** What of the gradient goes into the momentum: 1 − dampening. */
  intake: f32;
  /** 1 − b2, or 1 − decay of RMSprop. */
  secondRate: f32;
  rootScale: f32;
  epsRoot: f32;
  eps: f32;
  directionScale: f32;
  parameterScale: f32;
}

@unmanaged export class Task {
  /** An `Operation`. */
  operation: u32;
  /** A `Statistics`. */
  statistics: u32;
  members: usize;
  memberCount: u32;
  /** Of znorm: whether the mean is removed, and an `OnDegenerate`. */
  centred: u32;
  onDegenerate: u32;
  /** Factor, limit or clipping, by operation; decay of a moving average. */
  amount: f64;
  decay: f64;
  eps: f64;
  minStd: f64;
  relativeMinStd: f64;
}

@unmanaged export class Member {
  tensor: usize;
  /** 1 if each unit of the tensor is on its own; else its units count together, and with the other members. */
  byUnit: u32;
  /** Statistics from earlier steps: means, deviations, and whether there are any. 0 if none are kept. */
  means: usize;
  deviations: usize;
  seen: usize;
  /** Of sampled statistics. */
  stride: u32;
  first: u32;
  count: u32;
  /** The statistics that this step goes by. */
  mean: f64;
  deviation: f64;
  /** Filled in: how many deviations counted as zero. */
  degenerate: f64;
}

/** Elements of a tensor that one thread works on at a time: whole units, or a piece of one. */
@unmanaged export class Chunk {
  tensor: usize;
  firstUnit: u32;
  /** 0 for a piece. */
  unitCount: u32;
  /** Of its elements, counted from the tensor's first. */
  start: u32;
  count: u32;
  /** Filled in for a piece: Σ x and Σ x². */
  sum: f64;
  squares: f64;
}

/** How threads share a step out. Those below `ticket` are taken; the others count what is done. All are atomic. */
@unmanaged export class Schedule {
  ticket: u32;
  measured: u32;
  mapped: u32;
  done: u32;
  /** Counts steps, so that threads that wait for the next one see it. */
  generation: u32;
  /** 1 ends the threads. */
  stop: u32;
  inPlace: u32;
  /** As `step` returns it. */
  refused: u32;
  wholeBatches: usize;
  wholeCount: u32;
  cutBatches: usize;
  cutCount: u32;
  /** Of all that are cut. */
  chunks: usize;
  chunkCount: u32;
}

export namespace Measure {
  export const none: u32 = 0;
  /** Σ g² alone: the mean counts as 0. */
  export const squares: u32 = 1;
  export const moments: u32 = 2;
  /** While the elements are in the cache for the update, for statistics of the steps to come. */
  export const alongside: u32 = 3;
}

export namespace Direction {
  export const none: u32 = 0;
  export const momentum: u32 = 1;
  export const nesterov: u32 = 2;
  export const rms: u32 = 3;
  export const rmsMomentum: u32 = 4;
  export const adam: u32 = 5;
}

export namespace Operation {
  export const scale: u32 = 0;
  export const centre: u32 = 1;
  export const standardize: u32 = 2;
  export const limitNorm: u32 = 3;
  export const unitNorm: u32 = 4;
  export const limitByWeights: u32 = 5;
}

export namespace Statistics {
  export const exact: u32 = 0;
  export const movingAverage: u32 = 1;
  /** Those of an earlier step, where there are any. */
  export const kept: u32 = 2;
  /** This step's, to be kept. */
  export const renewed: u32 = 3;
  export const sampled: u32 = 4;
}

export namespace OnDegenerate {
  export const centre: u32 = 0;
  export const zero: u32 = 1;
  export const pass: u32 = 2;
  export const refuse: u32 = 3;
}

// Records lie one after the other.

@inline
export function batchAt(batches: usize, index: u32): Batch {
  return changetype<Batch>(batches + index * offsetof<Batch>());
}

@inline
export function chunkAt(chunks: usize, index: u32): Chunk {
  return changetype<Chunk>(chunks + index * offsetof<Chunk>());
}

@inline
export function tensorAt(batch: Batch, index: u32): Tensor {
  return changetype<Tensor>(batch.tensors + index * offsetof<Tensor>());
}

@inline
export function unitAt(tensor: Tensor, index: u32): Unit {
  return changetype<Unit>(tensor.units + index * offsetof<Unit>());
}

/** Behind units that take turns, one more that changes nothing. */
@inline
export function identityOf(tensor: Tensor): Unit {
  return unitAt(tensor, tensor.unitCount);
}

/** And room to map a block in. */
@inline
export function blockRoomOf(tensor: Tensor): usize {
  return changetype<usize>(unitAt(tensor, tensor.unitCount + 1));
}

@inline
export function taskAt(batch: Batch, index: u32): Task {
  return changetype<Task>(batch.tasks + index * offsetof<Task>());
}

@inline
export function memberAt(task: Task, index: u32): Member {
  return changetype<Member>(task.members + index * offsetof<Member>());
}

export function tensorOf(member: Member): Tensor {
  return changetype<Tensor>(member.tensor);
}

/** Whether the units of a tensor take turns. */
@inline
export function isStriped(tensor: Tensor): bool {
  return tensor.stripe < tensor.unitSize;
}

export function sizeOf(tensor: Tensor): u32 {
  return tensor.unitCount * tensor.unitSize;
}
