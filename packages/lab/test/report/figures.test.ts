import { decode } from 'fast-png';
import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import type { GradientSnapshot } from '../../src/comparison.ts';
import { cellsPng, divergingScale, logScale } from '../../src/report/color-scale.ts';
import { curvesFigure, type Measure, rangeOf } from '../../src/report/curves.ts';
import { differencesFigure } from '../../src/report/differences.ts';
import { methodColor, spread } from '../../src/report/figure.ts';
import { type GradientTrack, gradientTracks, heatmapFigure, sharedScale } from '../../src/report/heatmap.ts';
import type { Html } from '../../src/report/html.ts';
import { accuracy } from '../../src/tasks/image-classification.ts';
import { fixtureResult } from './fixture-result.ts';

const svg = ({ html }: Html) => parseHTML(html).document.querySelector('svg')!;
const pixels = (uri: string) => decode(Buffer.from(uri.split(',')[1]!, 'base64'));
const at = (uri: string, column: number, row: number) => {
  const { data, width } = pixels(uri);
  return [...data.subarray(4 * (row * width + column), 4 * (row * width + column) + 4)];
};

describe('colour scales', () => {
  test('logarithmic: equal ratios are equal steps over whole decades, and what has no logarithm is blank', () => {
    const scale = logScale([0.003, 0, Number.NaN, 20])!;
    expect(scale.domain).toEqual([0.001, 100]);
    // The ends of viridis.
    expect(scale.colorOf(0.001)).toEqual([0x44, 0x01, 0x54, 255]);
    expect(scale.colorOf(100)).toEqual([0xfd, 0xe7, 0x25, 255]);
    for (const value of [0, -1, Number.NaN, Infinity]) expect(scale.colorOf(value)[3]).toBe(0);
    expect(logScale([0, Number.NaN])).toBeNull();
  });

  test('logarithmic: one vanishing value does not take the colours of all others', () => {
    const scale = logScale([1e-30, 1])!;
    expect(scale.domain).toEqual([1e-8, 1]);
    expect(scale.colorOf(1e-30)).toEqual(scale.colorOf(1e-8));
  });

  test('diverging: zero is neutral and equal sizes of either sign are mirrored', () => {
    const scale = divergingScale([-0.03, 0.002])!;
    expect(scale.domain).toEqual([-0.1, 0.1]);
    const [red, green, blue] = scale.colorOf(0);
    // The middle of RdBu is a grey-white: channels within 4 of each other.
    expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeLessThanOrEqual(4);
    expect(scale.colorOf(-0.1)[2]).toBeGreaterThan(scale.colorOf(-0.1)[0]);
    expect(scale.colorOf(0.1)[0]).toBeGreaterThan(scale.colorOf(0.1)[2]);
    expect(divergingScale([0, 0])!.domain).toEqual([-1, 1]);
  });

  test('cells become the pixels of a PNG, row by row', () => {
    const uri = cellsPng(3, 2, (column, row) => [10 * column, 20 * row, 7, column === 2 ? 0 : 255]);
    expect(pixels(uri)).toMatchObject({ width: 3, height: 2, channels: 4 });
    expect(at(uri, 1, 1)).toEqual([10, 20, 7, 255]);
    expect(at(uri, 2, 0)[3]).toBe(0);
  });
});

describe('gradient maps', () => {
  const layer = (path: string, before: number, after: number) => {
    const statistics = (norm: number) => ({ mean: norm / 10, std: norm, norm, zeros: 0, largest: norm });
    return { path, before: statistics(before), after: statistics(after) };
  };
  const snapshots = (factor: number): GradientSnapshot[] =>
    [0, 10].map((step, index) => ({
      step,
      layers: [layer('stem/kernel', factor * 10 ** -index, 1), layer('output/kernel', factor * 100, 1)],
      descentCosine: 1,
    }));
  const tracks: GradientTrack[] = [
    { method: 'baseline', seed: 1, snapshots: snapshots(1) },
    { method: 'znorm', seed: 1, snapshots: snapshots(10) },
  ];

  test('a row a layer, a column a step, before on the left and after on the right', () => {
    const scale = sharedScale(tracks, 'norm')!;
    const images = [...svg(heatmapFigure(tracks[0]!, 'norm', scale)).querySelectorAll('image')];
    const [before, after] = images.map((image) => image.getAttribute('href')!);
    expect(images).toHaveLength(2);
    expect(at(before!, 0, 0)).toEqual([...scale.colorOf(1)]);
    expect(at(before!, 1, 0)).toEqual([...scale.colorOf(0.1)]);
    expect(at(before!, 1, 1)).toEqual([...scale.colorOf(100)]);
    expect(at(after!, 1, 1)).toEqual([...scale.colorOf(1)]);
  });

  test('methods share one scale, so equal values have equal colours', () => {
    const scale = sharedScale(tracks, 'norm')!;
    expect(scale.domain).toEqual([0.1, 1000]);
    const after = tracks.map(
      (track) =>
        svg(heatmapFigure(track, 'norm', scale))
          .querySelectorAll('image')[1]!
          .getAttribute('href')!,
    );
    expect(after[0]).toBe(after[1]);
  });

  test('the seed shown is the first that the most methods recorded', () => {
    const result = fixtureResult({
      accuracies: { baseline: [0.7, 0.7, 0.7], znorm: [null, 0.7, 0.7] },
      enrich: (_, seed) => ({ ...seed, gradients: snapshots(1) }),
    });
    expect(gradientTracks(result).map(({ method, seed }) => [method, seed])).toEqual([
      ['baseline', 2],
      ['znorm', 2],
    ]);
    expect(gradientTracks(fixtureResult({ accuracies: { baseline: [0.7] } }))).toEqual([]);
  });
});

describe('curves', () => {
  const seeds = '[aria-label="line"][stroke-opacity="0.3"]';
  const means = '[aria-label="line"][stroke-width="2"]';
  const validation: Measure = { split: 'validation', metric: accuracy };
  const training: Measure = { split: 'train', metric: accuracy };
  const point = (epoch: number, value: number) => ({
    epoch,
    step: 100 * epoch,
    train: { loss: 1, accuracy: value },
    validation: { loss: 1, accuracy: value },
  });
  const result = fixtureResult({
    accuracies: { baseline: [0.5, 0.6], znorm: [0.5, 0.6] },
    enrich: (_, seed) => ({
      ...seed,
      history: [
        point(0, 0.1),
        point(1, seed.seed === 1 ? 0.4 : 0.6),
        ...(seed.seed === 1 ? [point(2, 0.9)] : []),
      ],
    }),
  });

  test('a band and a mean a method, a faint line a seed', () => {
    const figure = svg(curvesFigure(result, validation, 'title', { low: 0.1, high: 0.9 }));
    expect(figure.querySelectorAll('[aria-label="area"]')).toHaveLength(2);
    expect(figure.querySelectorAll(seeds)).toHaveLength(4);
    expect(figure.querySelectorAll(means)).toHaveLength(2);
  });

  test('the mean ends where a seed ends: the last epoch of one seed alone is not a mean', () => {
    const figure = svg(curvesFigure(result, validation, 'title', { low: 0.1, high: 0.9 }));
    const points = (lines: string) =>
      [...figure.querySelectorAll(`${lines} path`)].map((path) => path.getAttribute('d')!.split('L').length);
    expect(points(means)).toEqual([2, 2]);
    expect(points(seeds)).toEqual([3, 2, 3, 2]);
  });

  test('the band goes from the lowest seed to the highest', () => {
    const figure = svg(curvesFigure(result, validation, 'title', { low: 0.1, high: 0.9 }));
    const band = figure.querySelector('[aria-label="area"] path')!.getAttribute('d')!;
    // At the second epoch the seeds are at 0.4 and 0.6: 3/8 and 5/8 of a frame from pixel 232 up to 14.
    const heights = [...band.matchAll(/,([\d.]+)/g)].map((match) => Number(match[1]));
    expect(heights).toEqual([232, 95.75, 150.25, 232]);
  });

  test('figures that are read together share the range of all their values', () => {
    expect(rangeOf(result, [training, validation])).toEqual({ low: 0.1, high: 0.9 });
    expect(rangeOf(fixtureResult({ accuracies: { baseline: [0.5] } }), [training])).toBeNull();
  });
});

describe('differences', () => {
  test('a mean and a bar a method, and a named ring for every paired seed', () => {
    const result = fixtureResult({ accuracies: { baseline: [0.7, null, 0.7], znorm: [0.71, 0.8, 0.69] } });
    const titles = [...svg(differencesFigure(result)!).querySelectorAll('circle title')];
    expect(titles.map((title) => title.textContent)).toEqual([
      'seed 1: +1.00 points',
      'seed 3: −1.00 points',
    ]);
  });

  test('nothing compared, nothing drawn', () => {
    expect(differencesFigure(fixtureResult({ accuracies: { baseline: [0.7] } }))).toBeNull();
  });
});

describe('labels and colours', () => {
  test.each([
    { title: 'far apart stay', positions: [10, 50], spaced: [10, 50] },
    { title: 'too close move apart in their order', positions: [52, 50], spaced: [64, 50] },
    { title: 'at the end move back up', positions: [99, 98], spaced: [100, 86] },
  ])('labels $title', ({ positions, spaced }) => expect(spread(positions, 14, 0, 100)).toEqual(spaced));

  test('the baseline is grey wherever it stands, and the others keep their order', () => {
    const names = ['clip', 'baseline', 'znorm'];
    expect(names.map((name) => methodColor(names, 'baseline', name))).toEqual([
      'var(--method-0)',
      'var(--baseline)',
      'var(--method-1)',
    ]);
  });
});
