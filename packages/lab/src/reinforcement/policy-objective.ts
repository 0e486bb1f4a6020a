import {
  add,
  dense,
  exp,
  type Layer,
  logSoftmax,
  maximum,
  minimum,
  mul,
  neg,
  type Objective,
  reduceMean,
  reduceSum,
  sequential,
  square,
  sub,
  tanh,
  type Value,
} from '@znorm/train';

export interface PolicyOptions {
  readonly observationSize: number;
  readonly actions: number;
  /** Units of the hidden layers, of policy and critic each. */
  readonly hidden: readonly number[];
  /** How far the probability ratio may leave 1 before it earns nothing more; none, as in REINFORCE, if left out. */
  readonly clip?: number;
  readonly valueWeight: number;
  readonly entropyWeight: number;
}

/**
 * A policy and its critic, and the loss of policy-gradient methods:
 *
 *     ρ = π(a|s) / π_old(a|s)
 *     L = −mean(min(ρ A, clip(ρ, 1 − c, 1 + c) A)) + w_v mean((V(s) − R)²) − w_e mean(H(π(·|s)))
 *
 * On the policy's own experience ρ = 1, and without a clip the first term's gradient is −mean(A ∇log π(a|s)):
 * REINFORCE with V as its baseline.
 *
 * Inputs a sample: `observations` [observationSize], `chosen` [actions] (1 at the action taken), and [1] each of
 * `advantages`, `returns`, `logProbabilities` (log π_old(a|s)). Outputs: `logits` [N, actions], `values` [N, 1].
 *
 * @see Williams 1992; Schulman et al. 2017, arXiv 1707.06347
 */
export function policyObjective(options: PolicyOptions): Objective {
  const { observationSize, actions, clip, valueWeight, entropyWeight } = options;
  const one = { shape: [1] };
  return {
    inputs: {
      observations: { shape: [observationSize] },
      chosen: { shape: [actions] },
      advantages: one,
      returns: one,
      logProbabilities: one,
    },
    build({ observations, chosen, advantages, returns, logProbabilities }, scope) {
      const logits = network(options.hidden, actions)(observations, scope.child('policy'));
      const values = network(options.hidden, 1)(observations, scope.child('critic'));
      const all = logSoftmax(logits);
      const ratio = exp(sub(sumOfRows(mul(all, chosen)), logProbabilities));
      const gained = mul(ratio, advantages);
      const bounded =
        clip === undefined
          ? gained
          : minimum(gained, mul(minimum(maximum(ratio, 1 - clip), 1 + clip), advantages));
      const entropy = neg(reduceMean(sumOfRows(mul(exp(all), all))));
      const policyLoss = neg(reduceMean(bounded));
      const valueLoss = reduceMean(square(sub(values, returns)));
      const loss = sub(add(policyLoss, mul(valueLoss, valueWeight)), mul(entropy, entropyWeight));
      return { loss, outputs: { logits, values } };
    },
  };
}

/** Dense layers with tanh between them. */
export function network(hidden: readonly number[], outputs: number, activation: Layer = tanh): Layer {
  const layers: [string, Layer][] = hidden.flatMap((units, i): [string, Layer][] => [
    [`dense${i}`, dense({ units })],
    [`activation${i}`, activation],
  ]);
  return sequential(Object.fromEntries([...layers, ['out', dense({ units: outputs })]]));
}

function sumOfRows(x: Value): Value {
  return reduceSum(x, { axes: [1], keepDims: true });
}
