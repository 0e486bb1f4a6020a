import type { RandomStream } from '@znorm/train';

/** A control problem with a discrete set of actions, as Gymnasium defines it. */
export interface Environment {
  readonly name: string;
  /** Numbers that an agent sees. */
  readonly observationSize: number;
  /** Actions are 0 … actions − 1. */
  readonly actions: number;
  /** Steps after which an episode is cut off, though it has not ended. */
  readonly maxSteps: number;
  /** Mean return over 100 episodes from which the problem counts as solved. */
  readonly solvedAt: number;
  /** Begins an episode; all that is random in it comes from `next`. */
  start(next: RandomStream): Episode;
}

/** An episode under way. It is a function of its random stream and the actions taken, and of nothing else. */
export interface Episode {
  /** Writes what the agent sees. */
  observe(out: Float32Array): void;
  step(action: number): Outcome;
}

export interface Outcome {
  readonly reward: number;
  /** Whether the episode has ended by itself: nothing is to be earned after it. */
  readonly terminated: boolean;
}

/** A problem in closed form: a state of a few numbers and the equations that move it. */
export interface Dynamics {
  first(next: RandomStream): readonly number[];
  after(state: readonly number[], action: number): Outcome & { readonly state: readonly number[] };
  /** @default the state itself */
  seen?(state: readonly number[]): readonly number[];
}

/** Episodes of dynamics in closed form. */
export function episodesOf({ first, after, seen = (state) => state }: Dynamics): Environment['start'] {
  return (next) => {
    let state = first(next);
    return {
      observe: (out) => out.set(seen(state)),
      step(action) {
        const { state: moved, ...outcome } = after(state, action);
        state = moved;
        return outcome;
      },
    };
  };
}
