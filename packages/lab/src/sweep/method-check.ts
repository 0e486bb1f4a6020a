import { fromJSON, type ParameterInfo, type TransformationJson } from 'znorm';
import { badInput } from '../expected-error.ts';
import type { ComparisonPlan } from './plan.ts';

/**
 * Checks that every selection in a method (`masked`) takes some parameters of the network and leaves others: on a
 * network without attention, `znorm-attention` is the baseline by another name, and would be tested against itself.
 *
 * @throws ExpectedError naming the method and its selection
 */
export function requireMethodsThatApply(
  { methods, model, task }: Pick<ComparisonPlan, 'methods' | 'model' | 'task'>,
  parameters: readonly ParameterInfo[],
): void {
  for (const { name, chain } of methods) {
    for (const select of selectionsIn(chain)) {
      const masked = fromJSON({ masked: { select, transformation: 'identity' } } as TransformationJson);
      const count = parameters.filter((parameter) => masked.applies!(parameter)).length;
      if (count > 0 && count < parameters.length) continue;
      const which = count === 0 ? 'none' : 'every one';
      throw badInput(
        `compare: method '${name}' selects ${which} of the parameters of '${model}' on '${task}', by ${JSON.stringify(select)}. Leave the method out, or choose another model.`,
      );
    }
  }
}

/** What stands beside `select`, however deep in a chain. */
function selectionsIn(json: unknown): unknown[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) => (key === 'select' ? [value] : selectionsIn(value)));
}
