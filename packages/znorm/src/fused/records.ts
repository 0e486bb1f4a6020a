/**
 * The records of a plan in memory, seen from the host: the same fields in the same order as the kernel's
 * `wasm/assembly/records.ts`, where they are described. A test holds the two together.
 */
const widths = { usize: 4, u32: 4, f32: 4, f64: 8 } as const;

type FieldType = keyof typeof widths;

export interface RecordLayout<Field extends string> {
  /** Bytes. */
  readonly size: number;
  readonly fields: Readonly<Record<Field, { readonly type: FieldType; readonly offset: number }>>;
}

export const planRecord = recordOf({
  batches: 'usize',
  batchCount: 'u32',
});

export const scratchRecord = recordOf(room(20));

/** `room0`, `room1`, …: for the kernel's own use. */
function room(count: number): Record<`room${number}`, 'f64'> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`room${i}`, 'f64']));
}

export const batchRecord = recordOf({
  tensors: 'usize',
  tensorCount: 'u32',
  tasks: 'usize',
  taskCount: 'u32',
  chunks: 'usize',
  chunkCount: 'u32',
});

export const tensorRecord = recordOf({
  gradient: 'usize',
  parameter: 'usize',
  update: 'usize',
  first: 'usize',
  second: 'usize',
  recipe: 'usize',
  units: 'usize',
  unitCount: 'u32',
  unitSize: 'u32',
  stripe: 'u32',
  block: 'u32',
  measure: 'u32',
});

export const unitRecord = recordOf({
  mean: 'f64',
  deviations: 'f64',
  scale: 'f64',
  centre: 'f64',
  offset: 'f64',
});

export const recipeRecord = recordOf({
  direction: 'u32',
  isFull: 'u32',
  limitBefore: 'f32',
  limitAfter: 'f32',
  factor: 'f32',
  decay: 'f32',
  firstRate: 'f32',
  intake: 'f32',
  secondRate: 'f32',
  rootScale: 'f32',
  epsRoot: 'f32',
  eps: 'f32',
  directionScale: 'f32',
  parameterScale: 'f32',
});

export const taskRecord = recordOf({
  operation: 'u32',
  statistics: 'u32',
  members: 'usize',
  memberCount: 'u32',
  centred: 'u32',
  onDegenerate: 'u32',
  amount: 'f64',
  decay: 'f64',
  eps: 'f64',
  minStd: 'f64',
  relativeMinStd: 'f64',
});

export const memberRecord = recordOf({
  tensor: 'usize',
  byUnit: 'u32',
  means: 'usize',
  deviations: 'usize',
  seen: 'usize',
  stride: 'u32',
  first: 'u32',
  count: 'u32',
  mean: 'f64',
  deviation: 'f64',
  degenerate: 'f64',
});

export const chunkRecord = recordOf({
  tensor: 'usize',
  firstUnit: 'u32',
  unitCount: 'u32',
  start: 'u32',
  count: 'u32',
  sum: 'f64',
  squares: 'f64',
});

export const scheduleRecord = recordOf({
  ticket: 'u32',
  measured: 'u32',
  mapped: 'u32',
  done: 'u32',
  generation: 'u32',
  stop: 'u32',
  inPlace: 'u32',
  refused: 'u32',
  wholeBatches: 'usize',
  wholeCount: 'u32',
  cutBatches: 'usize',
  cutCount: 'u32',
  chunks: 'usize',
  chunkCount: 'u32',
});

export const measures = { none: 0, squares: 1, moments: 2, alongside: 3 } as const;
export const directions = { none: 0, momentum: 1, nesterov: 2, rms: 3, rmsMomentum: 4, adam: 5 } as const;
export const operations = {
  scale: 0,
  centre: 1,
  standardize: 2,
  limitNorm: 3,
  unitNorm: 4,
  limitByWeights: 5,
} as const;
export const statisticsKinds = { exact: 0, movingAverage: 1, kept: 2, renewed: 3, sampled: 4 } as const;
export const degeneracies = { center: 0, zero: 1, pass: 2, throw: 3 } as const;

/** Each field at the next multiple of its own width, as compilers do it. */
function recordOf<Fields extends Record<string, FieldType>>(
  fields: Fields,
): RecordLayout<keyof Fields & string> {
  let size = 0;
  const placed = Object.entries(fields).map(([name, type]) => {
    const offset = Math.ceil(size / widths[type]) * widths[type];
    size = offset + widths[type];
    return [name, { type, offset }];
  });
  return { size, fields: Object.fromEntries(placed) };
}

/** Writes some fields of the record at a byte offset. */
export function writeRecord<Field extends string>(
  memory: DataView,
  { fields }: RecordLayout<Field>,
  at: number,
  values: Readonly<Partial<Record<Field, number>>>,
): void {
  for (const [name, value] of Object.entries(values) as [Field, number][]) {
    const { type, offset } = fields[name];
    if (type === 'f64') memory.setFloat64(at + offset, value, true);
    else if (type === 'f32') memory.setFloat32(at + offset, value, true);
    else memory.setUint32(at + offset, value, true);
  }
}
