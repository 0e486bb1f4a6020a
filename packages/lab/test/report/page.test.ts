import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { withoutGradients } from '../../src/comparison.ts';
import type { Metric } from '../../src/metric.ts';
import { reportPage } from '../../src/report/page.ts';
import { fixtureResult } from './fixture-result.ts';
import { inventTraining } from './fixture-training.ts';

const accuracies = { baseline: [0.7, 0.71, 0.72], gc: [0.705, 0.7, 0.73], znorm: [0.72, 0.725, 0.74] };
const result = fixtureResult({ accuracies, learningRates: [0.01, 0.1], enrich: inventTraining });
const page = reportPage(result);
const { document } = parseHTML(page);
const texts = (selector: string, root: Document | Element = document) =>
  [...root.querySelectorAll(selector)].map((element) => element.textContent.trim());

describe('report page', () => {
  test('fetches nothing and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<iframe|@import|\son\w+=/i);
    expect(page).not.toMatch(/\w:\/\//);
    // Every image is inside the file.
    const sources = [...document.querySelectorAll('image')].map((image) => image.getAttribute('href')!);
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) expect(source).toMatch(/^data:image\/png;base64,/);
    expect(document.querySelector('meta[http-equiv]')!.getAttribute('content')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    );
  });

  test('is a function of the record: drawn again, it is the same to the byte', () => {
    expect(reportPage(structuredClone(result))).toBe(page);
  });

  test('opens with the verdict and ends with how to repeat it', () => {
    expect(texts('h1')).toEqual(['Undecided: 3 paired seeds are too few for any difference to count.']);
    expect(texts('header p')[2]).toBe(
      'znorm is undecided: +1.83 accuracy points against baseline (95 % interval +1.12 to +2.55; exact paired p = 0.25, 0.5 corrected for 2 comparisons; 3 seeds). The interval leaves out 0: a hint, not a result.',
    );
    expect(texts('h2')).toEqual([
      'Result',
      'Training',
      'Gradients, layer by layer',
      'By other statistics',
      'What this cannot show',
      'How it was run',
    ]);
    expect(texts('pre')).toEqual([result.command]);
  });

  test('the table has a row a method under named columns', () => {
    const table = document.querySelector('table')!;
    expect(texts('thead th', table)).toHaveLength(11);
    expect([...table.querySelectorAll('tbody tr')].map((row) => texts('th, td', row).slice(0, 6))).toEqual([
      ['baseline', '71.00 ± 2.48', '—', '—', '—', ''],
      ['gc', '71.17 ± 3.99', '+0.17 [−2.42, +2.75]', '1', '1', 'undecided'],
      ['znorm', '72.83 ± 2.59', '+1.83 [+1.12, +2.55]', '0.25', '0.5', 'undecided'],
    ]);
  });

  test('metrics beyond the second have a table of their own, and a number no percent sign', () => {
    const metric = (name: string, format: 'percent' | 'number'): Metric => ({
      name,
      label: name,
      better: 'higher',
      format,
      digits: 1,
    });
    const three = fixtureResult({
      accuracies: { baseline: [0.7, 0.71], znorm: [0.72, 0.73] },
      metrics: [metric('return', 'number'), metric('dice', 'percent'), metric('recall', 'percent')],
    });
    const shown = parseHTML(reportPage(three)).document;
    const table = shown.querySelector('[aria-label="All metrics by method"]')!;
    expect(texts('thead th', table)).toEqual([
      'Method',
      'Returnhigher is better',
      'Dice, %higher is better',
      'Recall, %higher is better',
    ]);
    // 2.3 · (1 − 0.705) and 2.3 · (1 − 0.725), as invented.
    expect([...table.querySelectorAll('tbody tr')].map((row) => texts('th, td', row))).toEqual([
      ['baseline', '0.7', '67.9', '67.9'],
      ['znorm', '0.7', '63.3', '63.3'],
    ]);
    expect(texts('thead th', shown.querySelector('table')!).slice(1, 3)).toEqual([
      'Test return',
      'Against baseline',
    ]);
    expect(page).not.toContain('All metrics');
  });

  test('what networks made is shown for one seed a method, as text and never as markup', () => {
    const png = 'iVBORw0KGgo=';
    const made = fixtureResult({
      accuracies: { baseline: [0.7, 0.71], znorm: [0.72, 0.73] },
      enrich: (method, seed) =>
        method === 'znorm'
          ? {
              ...seed,
              artifacts: [
                { title: 'sample', text: '<b>bold</b>' },
                { title: 'mask', png },
              ],
            }
          : seed,
    });
    const shown = parseHTML(reportPage(made)).document;
    const section = [...shown.querySelectorAll('section')].find((each) =>
      each.textContent.includes('What the networks made'),
    )!;
    expect(texts('h3', section)).toEqual(['znorm, seed 1']);
    expect(texts('pre', section)).toEqual(['<b>bold</b>']);
    expect(section.querySelector('img')!.getAttribute('src')).toBe(`data:image/png;base64,${png}`);
    expect(withoutGradients(made).methods[1]!.seeds[0]).not.toHaveProperty('artifacts');
    expect(page).not.toContain('What the networks made');
  });

  test('every figure says in words what it shows', () => {
    const figures = [...document.querySelectorAll('svg')];
    // Differences, four curves, and for each of three statistics a legend and a map a method.
    expect(figures).toHaveLength(1 + 4 + 3 * (1 + 3));
    for (const figure of figures) {
      expect(figure.getAttribute('role')).toBe('img');
      expect(figure.firstElementChild!.tagName.toLowerCase()).toBe('title');
      expect(figure.firstElementChild!.textContent).not.toBe('');
    }
  });

  test('every table can be reached and scrolled with the keyboard', () => {
    for (const table of document.querySelectorAll('table')) {
      expect(table.parentElement!.getAttribute('tabindex')).toBe('0');
      expect(table.parentElement!.getAttribute('aria-label')).not.toBe('');
    }
  });

  test('hashes are shown once a seed when the pairing is proven, by method when it is not', () => {
    expect(page).toContain('Proven by the hashes below');
    const broken = fixtureResult({
      accuracies,
      enrich: (method, seed) =>
        method === 'gc' && seed.seed === 2 ? { ...seed, batchHash: 'ffff0000' } : seed,
    });
    const shown = parseHTML(reportPage(broken)).document;
    expect(shown.body.textContent).toContain('Not proven: for at least one seed');
    const second = [...shown.querySelectorAll('[aria-label="Hashes by seed"] tbody tr')][1]!;
    expect(texts('td', second)).toEqual([
      '3',
      '1a2b3c4d5e6f702',
      'baseline 9f8e7d6c5b4a302gc ffff0000znorm 9f8e7d6c5b4a302',
    ]);
  });

  test('names, messages and commands are text, never markup, in tables and in figures', () => {
    const evil = '<img src=x onerror="alert(1)">&\'';
    const hostile = fixtureResult({
      accuracies: { baseline: [0.7, 0.71, 0.72], [evil]: [0.71, 0.72, 0.73] },
      enrich: inventTraining,
      failures: [{ method: evil, seed: 1, learningRate: 0.1, step: 2, tensor: evil, message: evil }],
    });
    hostile.command = evil;
    hostile.data.sha1 = { [evil]: evil };
    const shown = reportPage(hostile);
    expect(shown).not.toMatch(/<img/i);
    const parsed = parseHTML(shown).document;
    expect(parsed.querySelectorAll('img')).toHaveLength(0);
    expect(texts('table tbody th', parsed as unknown as Document)).toContain(evil);
    expect(texts('svg title', parsed as unknown as Document).some((title) => title.startsWith(evil))).toBe(
      true,
    );
  });

  test.each([
    { title: 'one method, one seed, no history', accuracies: { baseline: [0.7] } },
    { title: 'no baseline', accuracies: { a: [0.7, 0.71], b: [0.7, 0.72] } },
    { title: 'nothing finished', accuracies: { baseline: [null], znorm: [null] } },
    { title: 'one seed', accuracies: { baseline: [0.7], znorm: [0.7] } },
  ])('says what it can with $title', ({ accuracies }) => {
    const poor = fixtureResult({ accuracies: accuracies as unknown as Record<string, (number | null)[]> });
    const shown = parseHTML(reportPage(poor)).document;
    expect(shown.querySelectorAll('tbody')[0]!.children).toHaveLength(Object.keys(accuracies).length);
    expect(shown.body.textContent).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
});
