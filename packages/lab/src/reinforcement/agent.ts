import type { StepResult, StoredArray } from '@znorm/train';
import { type Crowd, createCrowd } from '../environments/crowd.ts';
import type { Environment } from '../environments/environment.ts';

/** Something that learns by acting. */
export interface Agent {
  /** Steps taken in the environment, all places together. */
  readonly environmentSteps: number;
  /** One step of the optimizer, after as much acting as is due before it. */
  step(): Promise<AgentStep>;
  /** What the agent would do, without exploring: one action for each row of observations. */
  decide(observations: Float32Array): Promise<Int32Array>;
  /** Everything besides the trainer's own checkpoint that a resumed run needs to go on with the same bits. */
  snapshot(): AgentSnapshot;
}

export interface AgentStep {
  readonly result: StepResult;
  /** Returns of the episodes that ended meanwhile, exploration included. */
  readonly returns: readonly number[];
}

export interface AgentSnapshot {
  /** Survives JSON. */
  readonly counters: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Record<string, StoredArray>>;
}

/**
 * Returns of the agent when it does not explore: the first episode of each of `episodes` places, all of them to their
 * end. (The first episodes to end anywhere would be the short ones.)
 */
export async function evaluateAgent(
  agent: Pick<Agent, 'decide'>,
  environment: Environment,
  { episodes, seed, stream }: { episodes: number; seed: number; stream: string },
): Promise<number[]> {
  const crowd: Crowd = createCrowd(environment, { count: episodes, seed, stream });
  const returns = new Float64Array(episodes);
  const over = new Uint8Array(episodes);
  while (over.includes(0)) {
    const { rewards, terminated, truncated } = crowd.step(await agent.decide(crowd.observations));
    for (let i = 0; i < episodes; i++) {
      if (over[i]) continue;
      returns[i] += rewards[i];
      over[i] = terminated[i] | truncated[i];
    }
  }
  return [...returns];
}

/** The largest of each row's `columns` values, the first of equal ones. */
export function largestOfRows(values: ArrayLike<number>, columns: number): Int32Array {
  return Int32Array.from({ length: values.length / columns }, (_, row) => {
    let best = 0;
    for (let j = 1; j < columns; j++) {
      if (values[row * columns + j] > values[row * columns + best]) best = j;
    }
    return best;
  });
}

/** Rows that are 1 at one place and 0 elsewhere. */
export function oneHot(places: Int32Array, columns: number): Float32Array {
  const rows = new Float32Array(places.length * columns);
  for (const [row, place] of places.entries()) rows[row * columns + place] = 1;
  return rows;
}
