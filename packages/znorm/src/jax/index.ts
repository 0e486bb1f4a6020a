export type { JaxFed } from './fed-numbers.ts';
export {
  applyUpdates,
  type JaxOptions,
  type JaxState,
  type JaxTransformation,
  jaxTransformation,
} from './jax-transformation.ts';
export { jaxOps } from './tensor-ops.ts';
