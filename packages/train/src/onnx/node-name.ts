import type { Origin } from './graph.ts';

/**
 * A node's name tells whom it works for: `backward:stage1/block0/conv1:Conv_12`. ONNX Runtime keeps it, with something
 * added, where it fuses nodes or puts another in their place.
 */
export function nodeName(value: string, origin: Origin | undefined): string {
  return origin ? `${origin.phase}:${origin.layer}:${value}` : value;
}

/** Whom a node works for; undefined for one of ONNX Runtime's own. */
export function originInName(name: string): Origin | undefined {
  const parts = /(forward|backward):([^:]*):/.exec(name);
  return parts ? { phase: parts[1] as Origin['phase'], layer: parts[2] } : undefined;
}
