export {
  type AdadeltaOptions,
  type AdagradOptions,
  type AdamaxOptions,
  adadelta,
  adagrad,
  adamax,
  type LionOptions,
  lion,
  type NadamOptions,
  nadam,
  type ScheduleFreeAdamwOptions,
  scheduleFreeAdamw,
} from './adaptive-optimizers.ts';
export {
  type Injectable,
  injectable,
  injectables,
  type PlateauMemory,
  type PlateauSchedule,
  type ReduceOnPlateauOptions,
  reduceOnPlateau,
} from './adjustable-schedules.ts';
export {
  advance,
  applyUpdates,
  drawnAt,
  type GateCount,
  init,
  leftBehind,
  type Report,
  type State,
  scalarsAt,
  type UpdateResult,
  update,
} from './apply.ts';
export { type ArrayTensor, arrays, tensor } from './backends/arrays.ts';
export { type Float32Arithmetic, float32Statistics } from './backends/float32-statistics.ts';
export { fromJSON, type TransformationJson, toJSON } from './chain-json.ts';
export { type CyclicOptions, cyclic, type OneCycleOptions, oneCycle } from './cycle-schedules.ts';
export {
  type ExponentialOptions,
  exponential,
  type PolynomialOptions,
  polynomial,
} from './decay-schedules.ts';
export { evaluationParams } from './evaluation-params.ts';
export { type Descent, descent } from './inspect/descent.ts';
export {
  type GradientInspection,
  type InspectOptions,
  inspectGradients,
  type TensorSummary,
} from './inspect/gradients.ts';
export {
  type LearningRateRange,
  type LearningRateRangeOptions,
  learningRateRange,
} from './inspect/learning-rate-range.ts';
export { type Advice, lint } from './inspect/lint.ts';
export type { AdviceCode, Finding } from './inspect/lint-rules.ts';
export {
  type SuggestedLearningRate,
  type SuggestLearningRateOptions,
  suggestLearningRate,
} from './inspect/suggest-learning-rate.ts';
export {
  type LambOptions,
  type LarsOptions,
  lamb,
  lars,
  type MuonOptions,
  muon,
  type NovogradOptions,
  novograd,
} from './layerwise-optimizers.ts';
export {
  type AdamOptions,
  type AdamwOptions,
  adam,
  adamw,
  type MomentumOptions,
  momentum,
  type RmspropOptions,
  rmsprop,
  type SgdOptions,
  sgd,
} from './optimizers.ts';
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
export {
  type CosineOptions,
  constant,
  cosine,
  type JoinedOptions,
  joined,
  type LearningRate,
  type LinearOptions,
  linear,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
  type WarmupOptions,
  warmup,
} from './schedules.ts';
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
  type Measured,
  masked,
  type Primitive,
  type Reduction,
  type Scalars,
} from './transformation.ts';
export { accumulate } from './transforms/accumulate.ts';
export {
  type ScaleByAdadeltaOptions,
  type ScaleByAdagradOptions,
  scaleByAdadelta,
  scaleByAdagrad,
} from './transforms/accumulated-squares.ts';
export {
  type ScaleByAdamaxOptions,
  type ScaleByNadamOptions,
  scaleByAdamax,
  scaleByNadam,
} from './transforms/adam-variants.ts';
export { type AdaptiveClipOptions, adaptiveClip } from './transforms/adaptive-clip.ts';
export { type CenterOptions, center } from './transforms/center.ts';
export { centralize } from './transforms/centralize.ts';
export { clipByBlockRms, clipByGlobalNorm, clipByNorm, clipByValue } from './transforms/clip.ts';
export { type AddDecayedWeightsOptions, addDecayedWeights } from './transforms/decay.ts';
export { type ScaleByLionOptions, scaleByLion } from './transforms/lion.ts';
export {
  type ScaleByAdamOptions,
  type ScaleByRmsOptions,
  scaleByAdam,
  scaleByRms,
  type TraceOptions,
  trace,
} from './transforms/moments.ts';
export { type AddNoiseOptions, addNoise } from './transforms/noise.ts';
export {
  type NonfiniteOptions,
  nonfinite,
  type SkipLargeUpdatesOptions,
  skipLargeUpdates,
  zeroNonFinite,
} from './transforms/nonfinite.ts';
export { type NormalizeByNormAverageOptions, normalizeByNormAverage } from './transforms/norm-average.ts';
export { type NormalizeByNormOptions, normalizeByNorm } from './transforms/normalize-by.ts';
export { type OrthogonalizeOptions, orthogonalize } from './transforms/orthogonalize.ts';
export { emaOfParams, type LookaheadOptions, lookahead } from './transforms/parameter-averages.ts';
export { freeze, type PartitionOptions, type PartitionRule, partition } from './transforms/partition.ts';
export { type SamPerturbationOptions, samPerturbation } from './transforms/sam.ts';
export { scale, scaleByLearningRate } from './transforms/scale.ts';
export { type ScheduleFreeOptions, scheduleFree } from './transforms/schedule-free.ts';
export type { Scope, StatisticsMode } from './transforms/statistics.ts';
export { type TrustRatioOptions, trustRatio } from './transforms/trust-ratio.ts';
export { scaleByStd, type ZnormOptions, znorm } from './transforms/znorm.ts';
export {
  type ParameterInfos,
  type Slots,
  type TensorInputs,
  type TensorUpdate,
  updateTensors,
} from './update-tensors.ts';
