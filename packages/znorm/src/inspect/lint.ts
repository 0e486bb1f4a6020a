import { type ParameterInfo, parameterRoles, sizeOf } from '../parameters.ts';
import { type Stage, stages } from '../stages.ts';
import type { GradientTransformation } from '../transformation.ts';
import { type Finding, stageRules } from './lint-rules.ts';

/** What is worth knowing about a chain before training with it. */
export interface Advice extends Finding {
  /** Paths of the parameters it is about; none if `lint` was given no parameters. */
  readonly parameters: readonly string[];
}

/**
 * Reads a chain, without running it, for parts that have no effect, undo each other, or need care together. Each
 * advice has a code, the reason as an equation, and what to do. An empty list is no promise that training goes well.
 *
 * Parts are seen together where they touch the same parameter: a partition's chains are read one by one. Without
 * `parameters` the chain is read for one of every role; a part masked by path may then touch none of them.
 *
 * @param parameters in the order of the network, which tells what stands before a normalization
 * @example
 * const [advice] = lint(chain(clipByGlobalNorm({ maxNorm: 1 }), znorm(), adamw()));
 * advice.code; // 'rescaling-before-normalization'
 * advice.stages; // ['clipByGlobalNorm', 'znorm']
 */
export function lint(
  transformation: GradientTransformation,
  parameters?: readonly ParameterInfo[] | Readonly<Record<string, ParameterInfo>>,
): readonly Advice[] {
  const plan = stages(transformation);
  const given = parameters === undefined ? [] : Object.values(parameters);
  const found = (parameters === undefined ? examples : given).flatMap((parameter) => {
    const own = plan.filter(({ applies }) => applies(parameter));
    return stageRules.flatMap((rule) => rule(own)).map((finding) => ({ finding, path: parameter.path }));
  });
  const ofParameters = [...oneElementTensors(plan, given), ...biasesBeforeNormalization(plan, given)];

  const advice = new Map<string, Advice>();
  for (const { finding, path } of [...found, ...ofParameters]) {
    const key = [finding.code, ...finding.stages].join(' ');
    const paths = parameters === undefined ? [] : [path];
    const known = advice.get(key)?.parameters ?? [];
    advice.set(key, { ...finding, parameters: [...known, ...paths] });
  }
  return [...advice.values()];
}

interface Found {
  readonly finding: Finding;
  readonly path: string;
}

/** One parameter of every role, and a convolution. */
const examples: readonly ParameterInfo[] = [
  ...parameterRoles.map((role) => ({
    path: role,
    shape: role === 'bias' || role === 'normalization' ? [8] : [8, 8],
    outputAxis: 0,
    role,
  })),
  { path: 'convolution', shape: [8, 8, 3, 3], outputAxis: 0, role: 'kernel' },
];

const standardizing = ['znorm', 'scaleByStd'];

function oneElementTensors(plan: readonly Stage[], parameters: readonly ParameterInfo[]): Found[] {
  return parameters
    .filter(({ shape }) => sizeOf(shape) === 1)
    .flatMap((parameter) => {
      // Would the stage touch it if it had more elements?
      const larger = { ...parameter, shape: parameter.shape.length > 0 ? parameter.shape.map(() => 2) : [2] };
      return plan
        .filter(({ primitive, applies }) => standardizing.includes(primitive.name) && applies(larger))
        .map(({ key }) => ({ finding: oneElement(key), path: parameter.path }));
    });
}

function oneElement(key: string): Finding {
  return {
    code: 'one-element-tensor',
    severity: 'note',
    stages: [key],
    reason:
      'One element has no deviation: (g − mean g) / std g would be 0 and the tensor would never train. It passes through at the size of its gradient, beside updates of size 1.',
    fix: 'Under Adam nothing need be done. Under SGD give it a chain of its own: partition({ rules: [{ select: { path }, transformation: adam() }], otherwise }).',
  };
}

/** Layer and RMS normalization keep what a bias does; batch, group and instance normalization take it away. */
const keepsBiases = /layer.?norm|rms|(^|\/)ln/i;

function biasesBeforeNormalization(plan: readonly Stage[], parameters: readonly ParameterInfo[]): Found[] {
  return parameters.flatMap((parameter, i) => {
    const next = parameters[i + 1];
    if (parameter.role !== 'bias' || next?.role !== 'normalization' || keepsBiases.test(next.path)) return [];
    return plan
      .filter(({ primitive, applies }) => amplifying.includes(primitive.name) && applies(parameter))
      .map(({ key }) => ({ finding: biasBeforeBatchNorm(key), path: parameter.path }));
  });
}

const amplifying = [...standardizing, 'normalizeByNorm'];

function biasBeforeBatchNorm(key: string): Finding {
  return {
    code: 'bias-before-batch-norm',
    severity: 'warning',
    stages: [key],
    reason:
      'BN(x + b) = BN(x): a batch normalization subtracts the mean of each channel, b with it. The gradient of b is 0 but for rounding, and dividing by its deviation makes noise of size 1 of that.',
    fix: `Leave out the bias, or the normalization for it: masked(${key.replace(/#.*/, '')}(), { not: { role: 'bias' } }).`,
  };
}
