import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendEvent, effectiveEvents, lastEvent, type RunEvent, readEvents } from '../../src/run/events.ts';
import { runStatus } from '../../src/run/folder.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'znorm-events-'));
  file = join(folder, 'events.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const time = '2026-11-23T12:00:00.000Z';
const start: RunEvent = {
  type: 'start',
  time,
  engine: 'native',
  initHash: 'a',
  steps: 40,
  sha1: {},
  parameters: [],
};
const checkpoint = (step: number): RunEvent => ({
  type: 'checkpoint',
  step,
  lossSum: 0,
  weight: 0,
  samples: 0,
  counts: {},
  degenerate: 0,
  stepMs: 1,
});
const gradients = (step: number): RunEvent => ({ type: 'gradients', step, layers: [], descentCosine: 1 });
const resume = (step: number): RunEvent => ({ type: 'resume', time, step });
const crash: RunEvent = { type: 'crash', time, message: 'killed' };
const fail: RunEvent = { type: 'fail', time, step: 7, tensor: 'w', message: 'NaN' };
const finish: RunEvent = {
  type: 'finish',
  time,
  step: 40,
  batchHash: 'b',
  weightsHash: 'c',
  validation: { accuracy: 0.5 },
  degenerate: 0,
  stepMs: 1,
};
const tested: RunEvent = { type: 'test', step: 40, metrics: { accuracy: 0.5, loss: 1 } };

test('what is appended is read back, in order', () => {
  for (const event of [start, gradients(0), checkpoint(5)]) appendEvent(file, event);
  expect(readEvents(file)).toEqual([start, gradients(0), checkpoint(5)]);
});

test('a run without a file has no events', () => {
  expect(readEvents(file)).toEqual([]);
});

test('a torn last line does not count, and the next event does not grow onto it', () => {
  appendEvent(file, start);
  const whole = readFileSync(file, 'utf8');
  writeFileSync(file, `${whole}{"type":"gradi`);
  expect(readEvents(file)).toEqual([start]);
  appendEvent(file, checkpoint(5));
  expect(readEvents(file)).toEqual([start, checkpoint(5)]);
});

test('a last line that lacks only its end counts, before and after the next event', () => {
  writeFileSync(file, JSON.stringify(start));
  expect(readEvents(file)).toEqual([start]);
  appendEvent(file, checkpoint(5));
  expect(readEvents(file)).toEqual([start, checkpoint(5)]);
});

test('a line that is no event is an error with its place', () => {
  appendEvent(file, start);
  writeFileSync(file, `${readFileSync(file, 'utf8')}{"type":"resume","time":"now"}\n`);
  expect(() => readEvents(file)).toThrow(
    `${file}:2: expected an event of a run. ✖ Invalid input: expected number, received undefined\n  → at step`,
  );
});

test('a resume takes back all that was recorded since its checkpoint, whatever its step says', () => {
  // The gradients of step 5 were recorded after the checkpoint of step 5, and will be again.
  const events = [
    start,
    gradients(0),
    checkpoint(5),
    gradients(5),
    crash,
    resume(5),
    gradients(5),
    checkpoint(9),
  ];
  expect(effectiveEvents(events)).toEqual([start, gradients(0), checkpoint(5), gradients(5), checkpoint(9)]);
});

test('a resume from the start takes back all but the start', () => {
  expect(effectiveEvents([start, gradients(0), checkpoint(5), resume(0), gradients(0)])).toEqual([
    start,
    gradients(0),
  ]);
});

test('resumes add up', () => {
  const events = [start, checkpoint(5), checkpoint(9), resume(5), gradients(5), resume(5), checkpoint(9)];
  expect(effectiveEvents(events)).toEqual([start, checkpoint(5), checkpoint(9)]);
});

test('a crash that nothing went on from stays, so that it can be told', () => {
  expect(effectiveEvents([start, crash, resume(0), checkpoint(5), crash])).toEqual([
    start,
    checkpoint(5),
    crash,
  ]);
});

test('the last event of a type is the last, or none', () => {
  expect(lastEvent([checkpoint(5), start, checkpoint(9)], 'checkpoint')).toEqual(checkpoint(9));
  expect(lastEvent([start], 'fail')).toBeUndefined();
});

test.each([
  ['new', []],
  ['unfinished', [start, checkpoint(5)]],
  ['unfinished', [start, crash]],
  ['trained', [start, checkpoint(40), finish]],
  ['trained', [start, finish, crash]],
  ['tested', [start, finish, tested]],
  ['failed', [start, fail]],
  ['failed', [start, finish, fail]],
] as const)('a run is %s by its events, case %#', (status, events) => {
  expect(runStatus(events)).toBe(status);
});

test('a number that is not finite is refused, not written as null', () => {
  appendEvent(file, start);
  expect(() => appendEvent(file, { ...tested, metrics: { loss: Number.NaN } } as RunEvent)).toThrow(
    'received NaN',
  );
  expect(readEvents(file)).toEqual([start]);
});
