import { integer, type RandomStream, type StoredArray, uniform } from '@znorm/train';

/** Experience kept to be learnt from again, in flat arrays; the oldest makes room for the newest. */
export interface Replay {
  /** Transitions kept. */
  readonly size: number;
  add(transition: Transition): void;
  /** Draws `count` transitions, with replacement. */
  sample(count: number, next: RandomStream, exponent: number): Sample;
  /** Says how far off the drawn transitions' values were. Changes nothing where all are drawn alike. */
  setErrors(indices: Int32Array, errors: ArrayLike<number>): void;
  /** What it holds, and where the next transition goes. */
  snapshot(): { counters: ReplayCounters; arrays: Record<string, StoredArray> };
}

export interface Transition {
  readonly observation: Float32Array;
  readonly action: number;
  readonly reward: number;
  readonly next: Float32Array;
  readonly terminated: boolean;
}

export interface Sample {
  readonly indices: Int32Array;
  readonly observations: Float32Array;
  readonly actions: Int32Array;
  readonly rewards: Float32Array;
  readonly nexts: Float32Array;
  readonly terminated: Uint8Array;
  /** What each loss weighs, so that drawing some more often does not bias the expectation; the largest is 1. */
  readonly weights: Float32Array;
}

export interface ReplayCounters {
  readonly added: number;
  readonly largest: number;
}

export interface ReplayOptions {
  readonly capacity: number;
  readonly observationSize: number;
  /** α: how much more often a transition is drawn whose value was far off; 0 draws all alike. */
  readonly prioritized: number;
}

/** Added to an error, so that what was predicted well is still seen now and then. */
const leastPriority = 1e-6;

/**
 * A replay buffer. Transition i is drawn with probability P(i) = p_i^α / Σ p^α, p_i = |δ_i| + 1e-6, and weighs
 * w_i = (N P(i))^−β / max w. New transitions get the largest priority so far.
 *
 * @see Lin 1992; Schaul et al. 2016, arXiv 1511.05952
 */
export function createReplay(
  { capacity, observationSize: width, prioritized: alpha }: ReplayOptions,
  from?: ReturnType<Replay['snapshot']>,
): Replay {
  const observations = new Float32Array(capacity * width);
  const nexts = new Float32Array(capacity * width);
  const actions = new Int32Array(capacity);
  const rewards = new Float32Array(capacity);
  const terminated = new Uint8Array(capacity);
  const priorities = new Float64Array(capacity);
  const tree = createSumTree(capacity);
  let added = from?.counters.added ?? 0;
  let largest = from?.counters.largest ?? 1;
  const arrays = { observations, nexts, actions, rewards, terminated, priorities };
  const used = () => Math.min(added, capacity);
  const setPriority = (i: number, priority: number) => {
    priorities[i] = priority;
    tree.set(i, priority);
  };
  if (from) {
    for (const [name, array] of Object.entries(arrays)) array.set(from.arrays[name] as never);
    if (alpha > 0) for (let i = 0; i < used(); i++) tree.set(i, priorities[i]);
  }

  return {
    get size() {
      return used();
    },
    add({ observation, action, reward, next, terminated: ended }) {
      const i = added % capacity;
      observations.set(observation, i * width);
      nexts.set(next, i * width);
      actions[i] = action;
      rewards[i] = reward;
      terminated[i] = Number(ended);
      if (alpha > 0) setPriority(i, largest);
      added++;
    },
    sample(count, random, exponent) {
      const indices = new Int32Array(count);
      const weights = new Float32Array(count).fill(1);
      if (alpha === 0) {
        for (let row = 0; row < count; row++) indices[row] = integer(random, used());
      } else {
        const total = tree.sum();
        for (let row = 0; row < count; row++) indices[row] = tree.find(uniform(random) * total, used() - 1);
        // (N P(i))^−β, over its largest, which belongs to the least probable of those drawn.
        for (let row = 0; row < count; row++) {
          weights[row] = ((used() * priorities[indices[row]]) / total) ** -exponent;
        }
        const heaviest = weights.reduce((most, weight) => Math.max(most, weight), 0);
        for (let row = 0; row < count; row++) weights[row] /= heaviest;
      }
      const pick = <A extends Float32Array | Int32Array | Uint8Array>(source: A, out: A, columns: number) => {
        for (let row = 0; row < count; row++) {
          const from = indices[row] * columns;
          for (let j = 0; j < columns; j++) out[row * columns + j] = source[from + j];
        }
        return out;
      };
      return {
        indices,
        observations: pick(observations, new Float32Array(count * width), width),
        nexts: pick(nexts, new Float32Array(count * width), width),
        actions: pick(actions, new Int32Array(count), 1),
        rewards: pick(rewards, new Float32Array(count), 1),
        terminated: pick(terminated, new Uint8Array(count), 1),
        weights,
      };
    },
    setErrors(indices, errors) {
      if (alpha === 0) return;
      for (const [row, i] of indices.entries()) {
        const priority = (Math.abs(errors[row]) + leastPriority) ** alpha;
        largest = Math.max(largest, priority);
        setPriority(i, priority);
      }
    },
    snapshot: () => ({ counters: { added, largest }, arrays }),
  };
}

/** Numbers at 0 … capacity − 1 with the sum of any run of them in logarithmic time. */
function createSumTree(capacity: number) {
  let leaves = 1;
  while (leaves < capacity) leaves *= 2;
  // Node k holds the sum of nodes 2k and 2k + 1; always added in this order, so equal numbers give equal sums.
  const nodes = new Float64Array(2 * leaves);
  return {
    sum: () => nodes[1],
    set(i: number, value: number) {
      let node = leaves + i;
      nodes[node] = value;
      while (node > 1) {
        node >>= 1;
        nodes[node] = nodes[2 * node] + nodes[2 * node + 1];
      }
    },
    /** Where the running sum passes `point`; `last` where rounding leads past the end. */
    find(point: number, last: number): number {
      let node = 1;
      let left = point;
      while (node < leaves) {
        node *= 2;
        if (left >= nodes[node]) left -= nodes[node++];
      }
      return Math.min(node - leaves, last);
    },
  };
}
