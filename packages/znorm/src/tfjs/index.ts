export { describeVariable, type LayerLike } from './describe-variable.ts';
export {
  type GradientObserver,
  type TfjsOptimizerOptions,
  tfjsOptimizer,
  type ZnormOptimizer,
} from './optimizer.ts';
export { tfjsOps } from './tensor-ops.ts';
