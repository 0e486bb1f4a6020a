// Several threads at one step. What there is to do lies in one row, and each thread takes the next of it:
//
//     measure a chunk · a whole batch · map a cut batch · update a chunk
//
// Large batches are cut into chunks, and stand at both ends of the row: by the time that the whole batches between are
// taken, all chunks have been measured and nobody waits, and at the end there are small things left to share. A thread
// that comes late, because the machine had no core for it, finds less to do, and nobody waits for it.
import { keepBatch, mapBatch, measureBatch, updateBatch } from './batch';
import { beginMeasuring, concludeChunks, endChunkInPassing, measureChunk } from './measure';
import { Batch, batchAt, Chunk, chunkAt, Measure, Schedule, Scratch, Tensor, unitAt } from './records';
import { updateSpan } from './update';

/** A thread's life: it waits for a step, takes part in it, and so on until it is told to stop. */
export function serve(schedule: Schedule, scratch: Scratch): void {
  let generation: u32 = 0;
  for (;;) {
    atomic.wait<u32>(at(schedule, offsetof<Schedule>('generation')), generation, -1);
    generation = atomic.load<u32>(at(schedule, offsetof<Schedule>('generation')));
    if (atomic.load<u32>(at(schedule, offsetof<Schedule>('stop')))) return;
    work(schedule, scratch, true);
  }
}

/**
 * One step with all threads that serve; returns what `step` does.
 *
 * @param mayWait false on the main thread of a browser, which may not sleep: it asks until the others are done
 */
export function stepTogether(schedule: Schedule, scratch: Scratch, inPlace: bool, mayWait: bool): u32 {
  // Nobody reads these before a ticket is to be had. A thread that still looks for one of the last step takes the first
  // of this one.
  schedule.inPlace = inPlace ? 1 : 0;
  schedule.refused = 0;
  schedule.measured = 0;
  schedule.mapped = 0;
  schedule.done = 0;
  atomic.store<u32>(at(schedule, offsetof<Schedule>('ticket')), 0);
  atomic.add<u32>(at(schedule, offsetof<Schedule>('generation')), 1);
  atomic.notify(at(schedule, offsetof<Schedule>('generation')), -1);
  work(schedule, scratch, mayWait);
  waitFor(schedule, offsetof<Schedule>('done'), ticketCount(schedule), mayWait);
  if (schedule.refused) return 1;
  for (let b: u32 = 0; b < schedule.cutCount; b++) {
    const batch = batchAt(schedule.cutBatches, b);
    concludeChunks(batch, true);
    keepBatch(batch);
  }
  return 0;
}

function ticketCount(schedule: Schedule): u32 {
  return 2 * schedule.chunkCount + schedule.wholeCount + schedule.cutCount;
}

function work(schedule: Schedule, scratch: Scratch, mayWait: bool): void {
  const chunkCount = schedule.chunkCount;
  const mapsBegin = chunkCount + schedule.wholeCount;
  const updatesBegin = mapsBegin + schedule.cutCount;
  const end = ticketCount(schedule);
  let isMeasured = false;
  for (let ticket = take(schedule); ticket < end;) {
    let next: u32 = 0;
    if (ticket < chunkCount) {
      measureChunk(chunkAt(schedule.chunks, ticket));
      count(schedule, offsetof<Schedule>('measured'), chunkCount);
      next = take(schedule);
    } else if (ticket < mapsBegin) {
      const batch = batchAt(schedule.wholeBatches, ticket - chunkCount);
      // Taken already, to be measured in passing.
      next = take(schedule);
      if (!isMeasured) measureBatch(batch);
      const refused = mapBatch(batch);
      if (refused) schedule.refused = 1;
      else {
        const nextBatch = next < mapsBegin ? batchAt(schedule.wholeBatches, next - chunkCount) : null;
        isMeasured = updateBatch(scratch, batch, schedule.inPlace != 0, nextBatch);
      }
    } else if (ticket < updatesBegin) {
      waitFor(schedule, offsetof<Schedule>('measured'), chunkCount, mayWait);
      const batch = batchAt(schedule.cutBatches, ticket - mapsBegin);
      concludeChunks(batch, false);
      if (mapBatch(batch)) schedule.refused = 1;
      count(schedule, offsetof<Schedule>('mapped'), schedule.cutCount);
      next = take(schedule);
    } else {
      waitFor(schedule, offsetof<Schedule>('mapped'), schedule.cutCount, mayWait);
      if (!schedule.refused) updateChunk(scratch, chunkAt(schedule.chunks, ticket - updatesBegin), schedule.inPlace != 0);
      next = take(schedule);
    }
    // Last of all: from here on the next step may begin.
    count(schedule, offsetof<Schedule>('done'), end);
    ticket = next;
  }
}

function updateChunk(scratch: Scratch, chunk: Chunk, inPlace: bool): void {
  const tensor = changetype<Tensor>(chunk.tensor);
  const size = tensor.unitSize;
  for (let k: u32 = chunk.firstUnit; k < chunk.firstUnit + chunk.unitCount; k++) {
    updateSpan(scratch, tensor, unitAt(tensor, k), k * size, size, inPlace);
  }
  if (chunk.unitCount > 0) return;
  const isMeasured = tensor.measure == Measure.alongside;
  if (isMeasured) beginMeasuring(tensor, chunk.start, chunk.count);
  updateSpan(scratch, tensor, unitAt(tensor, chunk.firstUnit), chunk.start, chunk.count, inPlace);
  if (isMeasured) endChunkInPassing(chunk);
}

@inline
function at(schedule: Schedule, field: usize): usize {
  return changetype<usize>(schedule) + field;
}

@inline
function take(schedule: Schedule): u32 {
  return atomic.add<u32>(at(schedule, offsetof<Schedule>('ticket')), 1);
}

/** Counts one more, and wakes who waits for all. */
function count(schedule: Schedule, field: usize, all: u32): void {
  if (atomic.add<u32>(at(schedule, field), 1) + 1 == all) atomic.notify(at(schedule, field), -1);
}

/** What is waited for is a chunk or a batch at most: it mostly comes within this many looks, some 20 µs. */
const patience: u32 = 10000;

function waitFor(schedule: Schedule, field: usize, all: u32, mayWait: bool): void {
  let looks: u32 = 0;
  for (;;) {
    const counted = atomic.load<u32>(at(schedule, field));
    if (counted == all) return;
    if (mayWait && ++looks > patience) atomic.wait<u32>(at(schedule, field), counted, -1);
  }
}
