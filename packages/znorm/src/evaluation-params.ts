import type { State } from './apply.ts';
import { type ArrayTensor, arrays } from './backends/arrays.ts';
import { describeParameter, type Named } from './parameters.ts';
import { stages } from './stages.ts';
import type { TensorOps } from './tensor-ops.ts';
import type { GradientTransformation } from './transformation.ts';
import type { ParameterInfos } from './update-tensors.ts';

/**
 * The parameters to evaluate and to save a model with, where they are not those that train: the average of
 * `emaOfParams`, the slow parameters of `lookahead`, x of `scheduleFree`. Of several, the last in the chain. For other
 * chains, and for parameters that a mask leaves out, the parameters themselves.
 *
 * What is not a parameter itself is new, and belongs to the caller.
 *
 * @example
 * const optimizer = chain(sgd({ learningRate: 1 }), emaOfParams({ decay: 0.5 }));
 * const { state } = update(optimizer, { w: tensor([4]) }, init(optimizer, { w: tensor([8]) }), { w: tensor([8]) });
 * Array.from(evaluationParams(optimizer, state, { w: tensor([4]) }).w.data); // [6]
 */
export function evaluationParams(
  transformation: GradientTransformation,
  state: Pick<State<ArrayTensor>, 'slots'>,
  params: Named<ArrayTensor>,
  infos?: ParameterInfos,
): Named<ArrayTensor>;
export function evaluationParams<T>(
  transformation: GradientTransformation,
  state: Pick<State<T>, 'slots'>,
  params: Named<T>,
  infos: ParameterInfos | undefined,
  ops: TensorOps<T>,
): Named<T>;
export function evaluationParams<T>(
  transformation: GradientTransformation,
  { slots }: Pick<State<T>, 'slots'>,
  params: Named<T>,
  infos?: ParameterInfos,
  ops: TensorOps<T> = arrays as TensorOps<unknown> as TensorOps<T>,
): Named<T> {
  const averaging = stages(transformation).filter(({ primitive }) => primitive.evaluation);
  return ops.tidy(() => {
    const chosen = Object.entries(params).map(([path, param]) => {
      const info = infos?.[path] ?? describeParameter(path, ops.shape(param));
      const last = averaging.findLast(({ applies }) => applies(info));
      if (!last?.primitive.evaluation) return [path, param];
      const prefix = `${last.key}.`;
      const own = Object.entries(slots[path] ?? {})
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, slot]) => [name.slice(prefix.length), slot]);
      return [path, last.primitive.evaluation(ops, param, Object.fromEntries(own))];
    });
    return Object.fromEntries(chosen) as Named<T>;
  });
}
