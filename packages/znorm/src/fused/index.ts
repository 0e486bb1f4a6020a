export { type Explanation, explain } from './explain.ts';
export { type FusedPlan, type PlannedStage, planFused, type UnfusedPlan } from './plan.ts';
export {
  createFusedUpdate,
  type InPlaceUpdate,
  type UpdateMemory,
  type UpdateOutcome,
  updateTableBytes,
} from './update.ts';
