export type { NodeEmitter, NodeResult } from './node-emitter.ts';
export { onnxOps } from './tensor-ops.ts';
