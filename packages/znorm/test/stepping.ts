import {
  type ArrayTensor,
  type GradientTransformation,
  init,
  type Named,
  type ParameterInfo,
  tensor,
  type UpdateResult,
  update,
} from '../src/index.ts';

type Values = readonly number[] | ArrayTensor;

/** Tensors from lists of numbers; a list becomes one axis. */
export function tensors(named: Readonly<Record<string, Values>>): Named<ArrayTensor> {
  return Object.fromEntries(
    Object.entries(named).map(([path, values]) => [path, 'data' in values ? values : tensor(values)]),
  );
}

/** Feeds gradients step by step from the start; the parameters stay where they are. */
export function steps(
  transformation: GradientTransformation,
  gradients: readonly Readonly<Record<string, Values>>[],
  params: Readonly<Record<string, Values>> = gradients[0],
  infos?: Readonly<Record<string, ParameterInfo>>,
): UpdateResult<ArrayTensor>[] {
  let state = init(transformation, tensors(params), infos);
  return gradients.map((named) => {
    const result = update(transformation, tensors(named), state, tensors(params), infos);
    state = result.state;
    return result;
  });
}

/** The update of the first step. */
export function firstStep(
  transformation: GradientTransformation,
  gradients: Readonly<Record<string, Values>>,
  params: Readonly<Record<string, Values>> = gradients,
  infos?: Readonly<Record<string, ParameterInfo>>,
): Named<ArrayTensor> {
  return steps(transformation, [gradients], params, infos)[0].updates;
}

/** The updates of the only tensor `w`, step by step. */
export function trajectory(
  transformation: GradientTransformation,
  gradients: readonly (readonly number[])[],
  params: readonly number[] = gradients[0],
): number[][] {
  return steps(
    transformation,
    gradients.map((w) => ({ w })),
    { w: params },
  ).map(({ updates }) => Array.from(updates.w.data));
}
