// Σ x and Σ x² over spans of float32. Sums end in float64.

/** What was added since `begin`. */
export let sum: f64 = 0;
export let squares: f64 = 0;

export function begin(): void {
  sum = 0;
  squares = 0;
  groupSums = f64x2.splat(0);
  groupSquares = f64x2.splat(0);
}

/** Adds sums that were taken apart. */
export function addSums(sumOfOthers: f64, squaresOfOthers: f64): void {
  sum += sumOfOthers;
  squares += squaresOfOthers;
}

/**
 * Adds Σ x and Σ x², for x limited to ±limit. Σ x is taken in float64: gradients that sum to 0 but for rounding are
 * common (below a softmax all are), and under Adam even such a rest matters. Of Σ x², where nothing cancels, eight terms
 * at a time are added in float32, at a relative error below 2^-22 and of 1e-9 in practice. `concludeMoments` tells
 * where that does.
 */
export function addFast(start: usize, count: u32, limit: f32, onlySquares: bool): void {
  if (count > chunkElements) addChunks(start, count, limit, onlySquares);
  else {
    let at = start;
    let left = count;
    if (limit == Infinity) {
      for (; left >= elementsOfPages; left -= elementsOfPages, at += 8 * pageBytes) {
        addGroups(at, at + pageBytes, 16, pageBytes, onlySquares);
      }
    }
    endChunk(at, left, limit, onlySquares);
  }
}

/**
 * Eight pages are read at once, a vector of each in turn: the processor prefetches every page for itself, and with one
 * after the other it would wait at each. A third faster.
 */
const pageBytes: usize = 4096;
const elementsOfPages: u32 = 8192;

/**
 * What is larger is summed chunk by chunk, and the chunks' sums are added in their order: whoever takes them, and
 * whether in passing or not, the bits are the same.
 */
export const chunkElements: u32 = 65536;

function addChunks(start: usize, count: u32, limit: f32, onlySquares: bool): void {
  let at = start;
  let left = count;
  for (; left > chunkElements; left -= chunkElements, at += chunkElements << 2) {
    addChunk(at, chunkElements, limit, onlySquares);
  }
  addChunk(at, left, limit, onlySquares);
}

/** Adds the sums of one chunk, or of the last elements that are less. */
export function addChunk(start: usize, count: u32, limit: f32, onlySquares: bool): void {
  let at = start;
  let left = count;
  if (limit == Infinity) {
    for (; left >= 2 * elementsOfPage; left -= elementsOfPage, at += pageBytes) {
      beginFetching(at + pageBytes);
      addGroups(at, at + pageBytes, 128, 16, onlySquares);
    }
  }
  endChunk(at, left, limit, onlySquares);
}

const elementsOfPage: u32 = 1024;

/**
 * Reads the first lines of a page, so that the processor fetches the rest while the page before is added. Of one tensor
 * of 25 million elements, statistics and update then take 24.1 ms instead of 26.8. Several pages at once would give
 * 23.2, but not the order in which a span that is read in passing comes fastest, and both must give the same bits.
 */
@inline
function beginFetching(page: usize): void {
  fetched = v128.or(
    v128.or(v128.load(page), v128.load(page, 64)),
    v128.or(v128.load(page, 128), v128.load(page, 192)),
  );
}

/** Kept, so that no compiler leaves the reading out. */
let fetched: v128 = f64x2.splat(0);

/** Adds what is left of a chunk after its whole pages, and the chunk's sums to what was added before. */
function endChunk(start: usize, left: u32, limit: f32, onlySquares: bool): void {
  const sumBefore = sum;
  const squaresBefore = squares;
  let at = start;
  let alone = left;
  if (limit == Infinity) {
    const together = at + (<usize>(left >> 5) << 7);
    addGroups(at, together, 128, 16, onlySquares);
    at = together;
    alone &= 31;
  }
  sum = total(groupSums);
  squares = total(groupSquares);
  groupSums = f64x2.splat(0);
  groupSquares = f64x2.splat(0);
  addExactly(at, alone, limit, 0);
  sum = sumBefore + sum;
  squares = squaresBefore + squares;
}

let groupSums: v128 = f64x2.splat(0);
let groupSquares: v128 = f64x2.splat(0);

/** Adds groups of eight vectors that are `apart` bytes from each other; groups begin every `step` bytes up to `end`. */
@inline
function addGroups(start: usize, end: usize, step: usize, apart: usize, onlySquares: bool): void {
  if (onlySquares) addGroupsOf(start, end, step, apart, true);
  else addGroupsOf(start, end, step, apart, false);
}

@inline
function addGroupsOf(start: usize, end: usize, step: usize, apart: usize, onlySquares: bool): void {
  let sums = groupSums;
  let squaresOf = groupSquares;
  for (let at = start; at < end; at += step) {
    const second = at + apart;
    const third = at + 2 * apart;
    const fourth = at + 3 * apart;
    const fifth = at + 4 * apart;
    const sixth = fifth + apart;
    const seventh = fifth + 2 * apart;
    const eighth = fifth + 3 * apart;
    if (!onlySquares) {
      sums = f64x2.add(
        sums,
        f64x2.add(
          f64x2.add(f64x2.add(inPairs(at), inPairs(second)), f64x2.add(inPairs(third), inPairs(fourth))),
          f64x2.add(f64x2.add(inPairs(fifth), inPairs(sixth)), f64x2.add(inPairs(seventh), inPairs(eighth))),
        ),
      );
    }
    const eight = f32x4.add(
      f32x4.add(f32x4.add(square(at), square(second)), f32x4.add(square(third), square(fourth))),
      f32x4.add(f32x4.add(square(fifth), square(sixth)), f32x4.add(square(seventh), square(eighth))),
    );
    squaresOf = f64x2.add(squaresOf, f64x2.add(f64x2.promote_low_f32x4(eight), upperHalf(eight)));
  }
  groupSums = sums;
  groupSquares = squaresOf;
}

// A span of more than one chunk, or a chunk, that is read in passing, while other memory is worked on: that hides the
// time it takes to come.

/** How many bytes are read at a time: less costs calls, more costs what reading in passing is to gain. */
export const passingBytes: usize = 512;

let passing: usize = 0;
let passingEnd: usize = 0;
let chunkEnd: usize = 0;
let passingOnlySquares: bool = false;

/** From here on, `addInPassing` adds the next elements of a span. */
export function readInPassing(start: usize, count: u32, onlySquares: bool): void {
  passing = start;
  passingEnd = start + ((<usize>count << 2) & ~(passingBytes - 1));
  chunkEnd = start + (chunkElements << 2);
  passingOnlySquares = onlySquares;
}

@inline
export function isPassing(): bool {
  return passing < passingEnd;
}

export function addInPassing(): void {
  addGroups(passing, passing + passingBytes, 128, 16, passingOnlySquares);
  passing += passingBytes;
  if (passing == chunkEnd) {
    endChunk(passing, 0, Infinity, passingOnlySquares);
    chunkEnd += chunkElements << 2;
  }
}

/** Adds what is left of a span that ends at `end`. */
export function finishPassing(end: usize): void {
  while (isPassing()) addInPassing();
  endChunk(passing, <u32>((end - passing) >> 2), Infinity, passingOnlySquares);
  passingEnd = 0;
}

/** Adds Σ (x − shift) and Σ (x − shift)², every term in float64. */
export function addExactly(start: usize, count: u32, limit: f32, shift: f64): void {
  const shifts = f64x2.splat(shift);
  const limits = f32x4.splat(limit);
  let sums = f64x2.splat(0);
  let squaresOf = f64x2.splat(0);
  let at = start;
  for (const end = start + ((<usize>count >> 2) << 4); at < end; at += 16) {
    const x = limited(v128.load(at), limits);
    const low = f64x2.sub(f64x2.promote_low_f32x4(x), shifts);
    const high = f64x2.sub(upperHalf(x), shifts);
    sums = f64x2.add(sums, f64x2.add(low, high));
    squaresOf = f64x2.add(squaresOf, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
  }
  sum += total(sums);
  squares += total(squaresOf);
  addSampled(at, 1, count & 3, limit, shift);
}

/** The same for every stride-th element, `count` of them. */
export function addSampled(start: usize, stride: u32, count: u32, limit: f32, shift: f64): void {
  const step = <usize>stride << 2;
  let sumOf: f64 = 0;
  let squaresOf: f64 = 0;
  for (let at = start, left = count; left > 0; at += step, left--) {
    const distance = <f64>limitedOne(load<f32>(at), limit) - shift;
    sumOf += distance;
    squaresOf += distance * distance;
  }
  sum += sumOf;
  squares += squaresOf;
}

/** min(max(x, −limit), limit); NaN stays NaN. */
@inline
export function limitedOne(x: f32, limit: f32): f32 {
  return x < -limit ? -limit : x > limit ? limit : x;
}

/** The same. `pmax(x, y)` is x where x is NaN, and one instruction; `max` is six. */
@inline
export function limited(x: v128, limits: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.neg(limits)), limits);
}

/** Four elements, squared in float32. */
@inline
function square(at: usize): v128 {
  const x = v128.load(at);
  return f32x4.mul(x, x);
}

/** Elements 0 and 2, and 1 and 3, added in float64. */
@inline
function inPairs(at: usize): v128 {
  return f64x2.add(
    f64x2.promote_low_f32x4(v128.load64_zero(at)),
    f64x2.promote_low_f32x4(v128.load64_zero(at, 8)),
  );
}

/** Elements 2 and 3 as float64. */
@inline
function upperHalf(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
}

@inline
function total(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1);
}
