import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { z } from 'zod';

const layerStatistics = z.object({
  mean: z.number(),
  std: z.number(),
  norm: z.number(),
  zeros: z.number(),
  largest: z.number(),
});

/** By the names of the task's metrics. */
const metricValues = z.record(z.string(), z.number());

/**
 * What happens in a run, as one JSON line each. A run is its config and these lines, nothing else: tables, reports and
 * the decision whether it must go on are functions of them.
 */
const runEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    time: z.string(),
    engine: z.string(),
    initHash: z.string(),
    steps: z.number(),
    /** Of the data: file name → SHA-1. */
    sha1: z.record(z.string(), z.string()),
    parameters: z.array(z.object({ path: z.string(), shape: z.array(z.number()), role: z.string() })),
  }),
  /** Training went on from the checkpoint of this step, or from the start (0): what was recorded since did not happen. */
  z.object({ type: z.literal('resume'), time: z.string(), step: z.number() }),
  z.object({
    type: z.literal('gradients'),
    step: z.number(),
    layers: z.array(z.object({ path: z.string(), before: layerStatistics, after: layerStatistics })),
    descentCosine: z.number(),
  }),
  z.object({
    type: z.literal('evaluation'),
    step: z.number(),
    epoch: z.number(),
    learningRate: z.number(),
    train: metricValues,
    validation: metricValues,
  }),
  /** Sums since the last evaluation as they stood when the checkpoint of this step was written, and the median step. */
  z.object({
    type: z.literal('checkpoint'),
    step: z.number(),
    /** Of loss · weight. */
    lossSum: z.number(),
    weight: z.number(),
    samples: z.number(),
    counts: z.record(z.string(), z.number()),
    degenerate: z.number(),
    stepMs: z.number(),
  }),
  z.object({
    type: z.literal('finish'),
    time: z.string(),
    step: z.number(),
    batchHash: z.string(),
    weightsHash: z.string(),
    validation: metricValues,
    degenerate: z.number(),
    stepMs: z.number(),
  }),
  z.object({
    type: z.literal('test'),
    step: z.number(),
    metrics: metricValues,
    artifacts: z
      .array(
        z.union([
          z.strictObject({ title: z.string(), text: z.string() }),
          z.strictObject({ title: z.string(), png: z.base64() }),
        ]),
      )
      .optional(),
  }),
  /** The run cannot go on, and would fail again: a gradient that is not finite, for one. */
  z.object({
    type: z.literal('fail'),
    time: z.string(),
    step: z.number().nullable(),
    tensor: z.string().nullable(),
    message: z.string(),
  }),
  /** The process ended without a word (out of memory, killed); the run can be resumed. */
  z.object({ type: z.literal('crash'), time: z.string(), message: z.string() }),
]);

export type RunEvent = z.infer<typeof runEvent>;
export type RunEventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/**
 * Adds one line. A small append is whole or, if the machine dies in it, a torn last line; the next writer ends that
 * line first, so that a tear costs one event and not two.
 *
 * @throws ZodError on a number that is not finite: JSON would make it null, and the run could not be read again
 */
export function appendEvent(file: string, event: RunEvent): void {
  const line = JSON.stringify(runEvent.parse(event));
  appendFileSync(file, `${endsInTear(file) ? '\n' : ''}${line}\n`);
}

function endsInTear(file: string): boolean {
  if (!existsSync(file)) return false;
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const last = Buffer.alloc(1);
    return size > 0 && readSync(handle, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
  } finally {
    closeSync(handle);
  }
}

/**
 * The events of a run as they count: torn lines are dropped, and so is whatever a later `resume` took back.
 *
 * @throws Error naming file and line if a line is not an event
 */
export function readEvents(file: string): RunEvent[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return effectiveEvents(lines.flatMap((line, index) => parsedEvent(line, `${file}:${index + 1}`)));
}

/**
 * The events as if the run had never stopped: each `resume` goes, and with it everything recorded since the checkpoint
 * that it went on from. By place and not by step number: the gradients of step 20 are recorded before the step, its
 * evaluation after it.
 */
export function effectiveEvents(events: readonly RunEvent[]): RunEvent[] {
  const kept: RunEvent[] = [];
  for (const event of events) {
    if (event.type === 'resume')
      kept.length = 1 + kept.findLastIndex((earlier) => wentOnFrom(earlier, event));
    else kept.push(event);
  }
  return kept;
}

function wentOnFrom(earlier: RunEvent, { step }: RunEventOf<'resume'>): boolean {
  return step === 0 ? earlier.type === 'start' : earlier.type === 'checkpoint' && earlier.step === step;
}

/** The last event of a type. */
export function lastEvent<T extends RunEvent['type']>(
  events: readonly RunEvent[],
  type: T,
): RunEventOf<T> | undefined {
  return events.findLast((event): event is RunEventOf<T> => event.type === type);
}

function parsedEvent(line: string, where: string): RunEvent[] {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return []; // Empty, or torn: its writer was killed in mid-write.
  }
  const event = runEvent.safeParse(json);
  if (!event.success)
    throw new Error(`${where}: expected an event of a run. ${z.prettifyError(event.error)}`);
  return [event.data];
}
