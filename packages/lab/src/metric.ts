/** A number that runs are judged by, and how it is written. Plain data: the record of a comparison holds it. */
export interface Metric {
  /** In records: `accuracy`, `bitsPerCharacter`. */
  readonly name: string;
  /** In sentences: `accuracy`, `bits per character`. */
  readonly label: string;
  readonly better: 'higher' | 'lower';
  /** `percent` is a share in [0, 1], written in percent, and its differences in points; `number` is written as it is. */
  readonly format: 'percent' | 'number';
  /** After the point. */
  readonly digits: number;
  /** With it, the better method "is more accurate"; without, it "has better accuracy". */
  readonly adjective?: string;
  /** The share of the samples that are right, so that their number says how far chance moves it. */
  readonly ofSamples?: boolean;
  /** Curves are drawn on a logarithmic axis. */
  readonly logarithmic?: boolean;
}

/** What was measured, by the metrics' names. */
export type MetricValues = Readonly<Record<string, number>>;

/** Whether `a` is the better of two values: positive if it is, negative if `b` is, 0 if neither. */
export function advantage({ better }: Pick<Metric, 'better'>, a: number, b: number): number {
  return better === 'higher' ? a - b : b - a;
}

/** A value without its unit: 0.7231 → `72.31` of a percentage, −2.0417 → `−2.042` of a number. */
export function valueText({ format, digits }: Metric, value: number): string {
  const number = format === 'percent' ? 100 * value : value;
  const text = Math.abs(number) < 1e7 ? number.toFixed(digits) : number.toExponential(2);
  return text.replaceAll('-', '−');
}

/** A difference with its sign: 0.0184 → `+1.84`, −0.0032 → `−0.32`, 0 → `0.00`. */
export function differenceText(metric: Metric, difference: number): string {
  const size = valueText(metric, Math.abs(difference));
  if (Number(size) === 0) return size;
  return `${difference < 0 ? '−' : '+'}${size}`;
}

/** The half-width of an interval around a mean: [0.70, 0.72] → `± 1.00`. */
export function plusMinus(metric: Metric, [low, high]: readonly [number, number]): string {
  return `± ${valueText(metric, (high - low) / 2)}`;
}

/** `test accuracy, %`, `test loss`: what stands over a column of values. */
export function withUnit({ format }: Metric, text: string): string {
  return format === 'percent' ? `${text}, %` : text;
}

/** What differences are counted in: `points` of a percentage; of a number, which is its own unit, nothing. */
export function pointsOf({ format }: Metric): string {
  return format === 'percent' ? ' points' : '';
}
