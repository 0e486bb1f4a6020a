/** What happened in `steps` steps of `count` episodes side by side; step t of place i stands at t · count + i. */
export interface Experience {
  readonly count: number;
  readonly rewards: Float32Array;
  /** 1 where the episode was over after the step. */
  readonly over: Uint8Array;
  /** The critic's V(s) before each step. */
  readonly values: Float32Array;
  /** V of what followed the last step, by place. */
  readonly lastValues: ArrayLike<number>;
}

/**
 * Generalized advantage estimation, from the last step back:
 *
 *     δ_t = r_t + γ V(s_{t+1}) (1 − over_t) − V(s_t)
 *     A_t = δ_t + γ λ (1 − over_t) A_{t+1}
 *
 * λ = 1 gives the return less the baseline, as in REINFORCE; λ = 0 the critic's error of one step.
 *
 * @returns A, and the returns A + V that the critic learns
 * @see Schulman et al. 2016, arXiv 1506.02438
 */
export function generalizedAdvantages(
  { count, rewards, over, values, lastValues }: Experience,
  { gamma, lambda }: { gamma: number; lambda: number },
): { advantages: Float32Array; returns: Float32Array } {
  const advantages = new Float32Array(rewards.length);
  const following = Float64Array.from(lastValues);
  const carried = new Float64Array(count);
  for (let at = rewards.length - 1; at >= 0; at--) {
    const place = at % count;
    const goesOn = 1 - over[at];
    const delta = rewards[at] + gamma * following[place] * goesOn - values[at];
    carried[place] = delta + gamma * lambda * goesOn * carried[place];
    following[place] = values[at];
    advantages[at] = carried[place];
  }
  return { advantages, returns: advantages.map((advantage, at) => advantage + values[at]) };
}

/** (x − mean) / (std + 1e-8), in place. */
export function standardize(values: Float32Array): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const scale = 1 / (Math.sqrt(variance) + 1e-8);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] - mean) * scale;
}
