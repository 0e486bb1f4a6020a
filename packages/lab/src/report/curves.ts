import { areaY, axisX, axisY, gridY, lineY, type Markish, text } from '@observablehq/plot';
import type { ComparisonResult, HistoryPoint, MethodResult } from '../comparison.ts';
import type { Metric } from '../metric.ts';
import { mean } from '../stats/mean.ts';
import { figureSvg, methodColor, spread } from './figure.ts';
import type { Html } from './html.ts';

/** A metric, of the training steps or on the validation samples. */
export interface Measure {
  readonly split: 'train' | 'validation';
  readonly metric: Metric;
}

const size = { width: 460, height: 270, marginTop: 14, marginRight: 86, marginBottom: 38, marginLeft: 46 };

/**
 * One measure over epochs: a line for the mean of each method, a band from its lowest to its highest seed, and the
 * single seeds faintly. The caller gives figures that are read together one range of values.
 */
export function curvesFigure(result: ComparisonResult, measure: Measure, title: string, range: Range): Html {
  const names = result.methods.map((method) => method.name);
  const { metric } = measure;
  const scale = metric.format === 'percent' ? 100 : 1;
  const drawn = result.methods
    .map((method) => ({ method, points: meanCurve(method, measure, scale) }))
    .filter(({ points }) => points.length > 0);

  const y = {
    domain: [range.low * scale, range.high * scale],
    type: metric.logarithmic ? 'log' : 'linear',
  } as const;
  const colorOf = (method: MethodResult) => methodColor(names, result.baseline, method.name);
  // Bands first, then single seeds, then means, so that no method's seeds hide another's mean.
  const bands = drawn.map(({ method, points }) =>
    areaY(points, {
      x: 'epoch',
      y1: 'low',
      y2: 'high',
      fill: colorOf(method),
      fillOpacity: 0.13,
    }),
  );
  const single = drawn.flatMap(({ method }) =>
    method.seeds.map((seed) =>
      lineY(seed.history, {
        x: 'epoch',
        y: (point: HistoryPoint) => scale * valueAt(point, measure),
        stroke: colorOf(method),
        strokeOpacity: 0.3,
        strokeWidth: 0.8,
      }),
    ),
  );
  const means = drawn.map(({ method, points }) =>
    lineY(points, { x: 'epoch', y: 'mean', stroke: colorOf(method), strokeWidth: 2 }),
  );

  return figureSvg(title, {
    ...size,
    x: { label: null },
    y: { ...y, label: null },
    marks: [
      gridY({ strokeOpacity: 0.12, ticks: 5 }),
      axisY({ ticks: 5, tickSize: 0, tickFormat: (value: number) => String(value) }),
      axisX({
        ticks: 5,
        tickSize: 4,
        label: 'epoch',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: String,
      }),
      ...bands,
      ...single,
      ...means,
      ...endLabels(drawn, names, result.baseline, y),
    ],
  });
}

/** Range of values that the figures of one kind share, over all methods, seeds and epochs. */
export interface Range {
  low: number;
  high: number;
}

/** The range of all values of some measures; null when there is none. */
export function rangeOf(result: ComparisonResult, measures: readonly Measure[]): Range | null {
  const values = result.methods
    .flatMap((method) => method.seeds.flatMap((seed) => seed.history))
    .flatMap((point) => measures.map((measure) => ({ measure, value: valueAt(point, measure) })))
    .filter(({ measure, value }) => Number.isFinite(value) && (value > 0 || !measure.metric.logarithmic))
    .map(({ value }) => value);
  return values.length === 0 ? null : { low: Math.min(...values), high: Math.max(...values) };
}

/** NaN where it is not measured: training steps do not tell every metric. */
function valueAt(point: HistoryPoint, { split, metric }: Measure): number {
  return point[split][metric.name] ?? Number.NaN;
}

interface CurvePoint {
  epoch: number;
  mean: number;
  low: number;
  high: number;
}

/**
 * Mean, lowest and highest seed at each epoch that every finished seed reached. Not an interval of the mean: with
 * two or three seeds that covers the figure, and what may be concluded stands in the table.
 */
function meanCurve(method: MethodResult, measure: Measure, scale: number): CurvePoint[] {
  const [first, ...others] = method.seeds.map((seed) => seed.history);
  return (first ?? []).flatMap((point) => {
    const sameStep = others.map((history) => history.find(({ step }) => step === point.step));
    const values = [point, ...sameStep].map(
      (found) => scale * (found ? valueAt(found, measure) : Number.NaN),
    );
    if (!values.every(Number.isFinite)) return [];
    return [{ epoch: point.epoch, mean: mean(values), low: Math.min(...values), high: Math.max(...values) }];
  });
}

/** Names at the ends of the lines, moved apart where the lines end close together. */
function endLabels(
  drawn: { method: MethodResult; points: CurvePoint[] }[],
  names: string[],
  baseline: string | null,
  y: { domain: readonly number[]; type: 'linear' | 'log' },
): Markish[] {
  const [low, high] = y.domain.map((value) => (y.type === 'log' ? Math.log(value) : value)) as [
    number,
    number,
  ];
  const bottom = size.height - size.marginBottom;
  const pixel = (value: number) => {
    const share = ((y.type === 'log' ? Math.log(value) : value) - low) / (high - low || 1);
    return bottom - share * (bottom - size.marginTop);
  };
  const ends = drawn.map(({ points }) => pixel(points.at(-1)!.mean));
  const placed = spread(ends, 14, size.marginTop, bottom);
  return drawn.map(({ method: { name } }, index) =>
    text([name], {
      text: () => (name.length > 12 ? `${name.slice(0, 11)}…` : name),
      frameAnchor: 'top-right',
      textAnchor: 'start',
      lineAnchor: 'middle',
      dx: 6,
      dy: placed[index]! - size.marginTop,
      fill: methodColor(names, baseline, name),
      fontWeight: 600,
      title: () => name,
    }),
  );
}
