import { randomStream } from '@znorm/train';
import type { Environment, Episode } from './environment.ts';

/** Several episodes of one environment side by side, so that an agent decides for all of them in one call. */
export interface Crowd {
  readonly count: number;
  /** [count, observationSize]: what the agent sees now. Read it before the next step. */
  readonly observations: Float32Array;
  /** Acts once in every episode. An episode that is over is followed by a new one; its return is told. */
  step(actions: ArrayLike<number>): CrowdStep;
  /** What `restoreCrowd` needs to stand here again: which episodes, and what was done in them. */
  snapshot(): CrowdSnapshot;
}

export interface CrowdStep {
  readonly rewards: Float32Array;
  /** 1 where the episode has ended by itself: nothing is to be earned after it. */
  readonly terminated: Uint8Array;
  /** 1 where it was cut off after `maxSteps`. */
  readonly truncated: Uint8Array;
  /** [count, observationSize]: what followed the action, before a new episode began. */
  readonly nextObservations: Float32Array;
  /** Returns and lengths of the episodes that are over with this step. */
  readonly finished: readonly { readonly return: number; readonly length: number }[];
}

export interface CrowdSnapshot {
  /** How many episodes each place has begun. */
  readonly episodes: readonly number[];
  /** The actions of the episode each place is in. */
  readonly actions: readonly (readonly number[])[];
}

export interface CrowdOptions {
  readonly count: number;
  readonly seed: number;
  /** Names the random streams: apart for exploration and evaluation. */
  readonly stream: string;
}

interface Place {
  episodes: number;
  episode: Episode;
  actions: number[];
  earned: number;
}

/**
 * Starts `count` episodes. The k-th episode of place i draws from `randomStream(seed, stream, i, k)`.
 *
 * @param from   a snapshot to go on from: its actions are done once more, which leads to the same bits
 * @throws RangeError if an action is outside of the space, or an environment shows or pays a number that is not finite
 */
export function createCrowd(environment: Environment, options: CrowdOptions, from?: CrowdSnapshot): Crowd {
  const { count, seed, stream } = options;
  const { name, observationSize, actions: actionCount, maxSteps } = environment;
  const observations = new Float32Array(count * observationSize);
  const nextObservations = new Float32Array(count * observationSize);
  const rewards = new Float32Array(count);
  const terminated = new Uint8Array(count);
  const truncated = new Uint8Array(count);
  const rowOf = (all: Float32Array, i: number) =>
    all.subarray(i * observationSize, (i + 1) * observationSize);

  const begin = (i: number, episodes: number): Place => {
    const episode = environment.start(randomStream(seed, stream, i, episodes));
    return { episodes: episodes + 1, episode, actions: [], earned: 0 };
  };
  const replay = (i: number, { episodes, actions }: CrowdSnapshot): Place => {
    const place = begin(i, episodes[i] - 1);
    for (const action of actions[i]) place.earned += place.episode.step(action).reward;
    place.actions.push(...actions[i]);
    return place;
  };
  const look = (i: number, place: Place, reward: number, row: Float32Array) => {
    place.episode.observe(row);
    requireFinite(environment, i, place, reward, row);
  };
  const places = Array.from({ length: count }, (_, i) => (from ? replay(i, from) : begin(i, 0)));
  for (const [i, place] of places.entries()) look(i, place, 0, rowOf(observations, i));

  return {
    count,
    observations,
    step(actions) {
      const finished: CrowdStep['finished'][number][] = [];
      for (const [i, place] of places.entries()) {
        const action = actions[i];
        if (!Number.isInteger(action) || action < 0 || action >= actionCount) {
          throw new RangeError(
            `${name}: expected an action from 0 to ${actionCount - 1}, got ${action} at place ${i}.`,
          );
        }
        const outcome = place.episode.step(action);
        place.actions.push(action);
        place.earned += outcome.reward;
        const row = rowOf(nextObservations, i);
        look(i, place, outcome.reward, row);
        rewards[i] = outcome.reward;
        terminated[i] = Number(outcome.terminated);
        truncated[i] = Number(!outcome.terminated && place.actions.length >= maxSteps);
        rowOf(observations, i).set(row);
        if (terminated[i] || truncated[i]) {
          finished.push({ return: place.earned, length: place.actions.length });
          places[i] = begin(i, place.episodes);
          look(i, places[i], 0, rowOf(observations, i));
        }
      }
      return { rewards, terminated, truncated, nextObservations, finished };
    },
    snapshot: () => ({
      episodes: places.map(({ episodes }) => episodes),
      actions: places.map((place) => [...place.actions]),
    }),
  };
}

function requireFinite({ name }: Environment, i: number, place: Place, reward: number, seen: Float32Array) {
  const wrong = Number.isFinite(reward) ? seen.find((value) => !Number.isFinite(value)) : reward;
  if (wrong === undefined) return;
  throw new RangeError(
    `${name}: expected finite observations and rewards, got ${wrong} at place ${i}, step ${place.actions.length} of episode ${place.episodes - 1}. The environment's equations have left their range.`,
  );
}
