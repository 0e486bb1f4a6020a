export { describeVariable, type LayerLike } from './describe-variable.ts';
export type { CompiledModel, FitCallback, Logs } from './fit-callback.ts';
export {
  type GradientAlarm,
  type GradientMonitorOptions,
  type GradientReport,
  gradientMonitor,
  inspectTensors,
} from './gradient-monitor.ts';
export {
  type GradientObserver,
  type TfjsOptimizerOptions,
  tfjsOptimizer,
  type ZnormOptimizer,
} from './optimizer.ts';
export {
  type BestWeightsCallback,
  type RestoreBestWeightsOptions,
  restoreBestWeights,
} from './restore-best-weights.ts';
export { type NonFiniteStop, stopOnNonFinite } from './stop-on-nonfinite.ts';
export { tfjsOps } from './tensor-ops.ts';
