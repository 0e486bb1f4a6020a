export {
  applyUpdates,
  init,
  type ParameterInfos,
  type Report,
  type State,
  scalarsAt,
  type UpdateResult,
  update,
} from './apply.ts';
export { type ArrayTensor, arrays, tensor } from './backends/arrays.ts';
export {
  axesWithinUnit,
  describeParameter,
  layerOf,
  type Named,
  type ParameterInfo,
  type ParameterRole,
  parameterRoles,
  sizeOf,
} from './parameters.ts';
export type { Selection, Selector } from './select.ts';
export { type Stage, stages } from './stages.ts';
export type { Moments, Operand, TensorOps } from './tensor-ops.ts';
export {
  type Composite,
  chain,
  type GradientTransformation,
  identity,
  type Leaf,
  type LeafUpdate,
  masked,
  type Primitive,
  type Reduction,
  type Scalars,
} from './transformation.ts';
export type { Scope, StatisticsMode } from './transforms/statistics.ts';
export { scaleByStd, type ZnormOptions, znorm } from './transforms/znorm.ts';
