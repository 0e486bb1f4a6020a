export { type AllocationOptions, allocateUpdate } from './allocate.ts';
export { usefulThreads } from './division.ts';
export { type Explanation, explain, type ThreadsTaken } from './explain.ts';
export { type FusedPlan, type PlannedStage, planFused, type UnfusedPlan } from './plan.ts';
export {
  createFusedUpdate,
  type FusedUpdateOptions,
  type InPlaceUpdate,
  type UpdateMemory,
  type UpdateOutcome,
  updateTableBytes,
} from './update.ts';
