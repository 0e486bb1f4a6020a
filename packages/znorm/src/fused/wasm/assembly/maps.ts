// Transformations of a gradient that are affine maps, u = scale · (g − centre) + offset: each changes the maps of its
// members' units and leaves the elements alone. Statistics of u follow from those of g:
//
//     mean(u) = scale · (mean(g) − centre) + offset        std(u) = |scale| · std(g)
import { deviations, mean, measureSample, sumOfSquares } from './moments';
import {
  isStriped,
  Measure,
  Member,
  memberAt,
  OnDegenerate,
  Operation,
  Recipe,
  Statistics,
  sizeOf,
  Task,
  Tensor,
  tensorOf,
  Unit,
  unitAt,
} from './records';
import { squaresOfStripes } from './stripes';

/** Applies one task. Returns how many statistics counted as zero. */
export function apply(task: Task): u32 {
  switch (task.operation) {
    case Operation.scale:
      scaleMembers(task, task.amount);
      return 0;
    case Operation.centre:
      centreMembers(task);
      return 0;
    case Operation.standardize:
      return standardize(task);
    case Operation.limitNorm:
      // min(1, limit / ‖u‖), which is 1 for a norm of 0 and NaN for NaN
      scaleMembers(task, min<f64>(task.amount / pooledNorm(task), 1));
      return 0;
    case Operation.unitNorm:
      divideByNorm(task);
      return 0;
    case Operation.limitByWeights:
      for (let m: u32 = 0; m < task.memberCount; m++) limitByWeights(task, memberAt(task, m));
      return 0;
    default:
      return unreachable();
  }
}

// --- statistics of u

function meanOf(unit: Unit): f64 {
  return unit.scale * (unit.mean - unit.centre) + unit.offset;
}

/** Σ u² of a unit: its deviations, and its mean as often as it has elements. */
function squaresOf(unit: Unit, size: u32): f64 {
  const average = meanOf(unit);
  return unit.scale * unit.scale * unit.deviations + <f64>size * average * average;
}

function deviationOf(unit: Unit, size: u32): f64 {
  return Math.abs(unit.scale) * Math.sqrt(unit.deviations / <f64>size);
}

function pooledNorm(task: Task): f64 {
  let squares: f64 = 0;
  for (let m: u32 = 0; m < task.memberCount; m++) squares += squaresOfTensor(tensorOf(memberAt(task, m)));
  return Math.sqrt(squares);
}

function squaresOfTensor(tensor: Tensor): f64 {
  let squares: f64 = 0;
  for (let k: u32 = 0; k < tensor.unitCount; k++) squares += squaresOf(unitAt(tensor, k), tensor.unitSize);
  return squares;
}

// --- changes of the maps

function scale(unit: Unit, factor: f64): void {
  unit.scale *= factor;
  unit.offset *= factor;
}

/** u − average. The centre moves rather than the offset: see `Unit`. */
function centre(unit: Unit, average: f64): void {
  if (unit.scale == 0) {
    unit.offset -= average;
  } else {
    unit.centre += (average - unit.offset) / unit.scale;
    unit.offset = 0;
  }
}

/** u − mean(u): by unit, or with one mean of all members */
function centreMembers(task: Task): void {
  const together = memberAt(task, 0).byUnit ? 0 : pooledAverage(task);
  for (let m: u32 = 0; m < task.memberCount; m++) {
    const member = memberAt(task, m);
    const tensor = tensorOf(member);
    for (let k: u32 = 0; k < tensor.unitCount; k++) {
      const unit = unitAt(tensor, k);
      centre(unit, member.byUnit ? meanOf(unit) : together);
    }
  }
}

/** Σ n_i μ_i / N over members of n_i elements each and N in all */
function pooledAverage(task: Task): f64 {
  let elements: f64 = 0;
  let weighted: f64 = 0;
  for (let m: u32 = 0; m < task.memberCount; m++) {
    const tensor = tensorOf(memberAt(task, m));
    const size = <f64>sizeOf(tensor);
    elements += size;
    weighted += size * averageOf(tensor);
  }
  return weighted / elements;
}

function scaleTensor(tensor: Tensor, factor: f64): void {
  for (let k: u32 = 0; k < tensor.unitCount; k++) scale(unitAt(tensor, k), factor);
}

function scaleMembers(task: Task, factor: f64): void {
  for (let m: u32 = 0; m < task.memberCount; m++) scaleTensor(tensorOf(memberAt(task, m)), factor);
}

/** u / ‖u‖; a norm of 0 divides by 1 */
function divideByNorm(task: Task): void {
  const together = pooledNorm(task);
  for (let m: u32 = 0; m < task.memberCount; m++) {
    const member = memberAt(task, m);
    const tensor = tensorOf(member);
    for (let k: u32 = 0; k < tensor.unitCount; k++) {
      const unit = unitAt(tensor, k);
      const norm = member.byUnit ? Math.sqrt(squaresOf(unit, tensor.unitSize)) : together;
      scale(unit, norm <= 0 ? 1 : 1 / norm);
    }
  }
}

/** u · min(1, clipping · max(‖w‖, eps) / ‖u‖), by unit or for the whole tensor */
function limitByWeights(task: Task, member: Member): void {
  const tensor = tensorOf(member);
  const bytes = (<usize>tensor.unitSize) << 2;
  if (member.byUnit) {
    for (let k: u32 = 0; k < tensor.unitCount; k++) {
      const weights = isStriped(tensor)
        ? squaresOfStripes(tensor, tensor.parameter, k)
        : sumOfSquares(tensor.parameter + <usize>k * bytes, tensor.unitSize);
      const unit = unitAt(tensor, k);
      scale(unit, weightLimit(task, weights, squaresOf(unit, tensor.unitSize)));
    }
  } else {
    const weights = sumOfSquares(tensor.parameter, sizeOf(tensor));
    scaleTensor(tensor, weightLimit(task, weights, squaresOfTensor(tensor)));
  }
}

function weightLimit(task: Task, weightSquares: f64, squares: f64): f64 {
  return min<f64>((task.amount * max<f64>(Math.sqrt(weightSquares), task.eps)) / Math.sqrt(squares), 1);
}

// --- znorm and scaleByStd

/** (u − μ) / (σ + eps), or u / (σ + eps): by unit, or with statistics pooled over all members */
function standardize(task: Task): u32 {
  const first = memberAt(task, 0);
  // Statistics by unit are never pooled: their group is one tensor.
  const degenerate = first.byUnit ? standardizeByUnit(task, first) : standardizeTogether(task);
  for (let m: u32 = 0; m < task.memberCount; m++) {
    if (memberAt(task, m).seen) store<f32>(memberAt(task, m).seen, 1);
  }
  return degenerate;
}

function standardizeByUnit(task: Task, member: Member): u32 {
  const tensor = tensorOf(member);
  let degenerate: u32 = 0;
  for (let k: u32 = 0; k < tensor.unitCount; k++) {
    const unit = unitAt(tensor, k);
    settle(task, member, k, meanOf(unit), deviationOf(unit, tensor.unitSize));
    const counted = countsAsZero(task, member.mean, member.deviation);
    degenerate += counted;
    standardizeUnit(task, unit, member.mean, member.deviation, counted);
  }
  member.degenerate = degenerate;
  return degenerate;
}

function standardizeTogether(task: Task): u32 {
  for (let m: u32 = 0; m < task.memberCount; m++) measureMember(task, memberAt(task, m));
  poolMembers(task);
  const counted = countsAsZero(task, pooledMean, pooledDeviation);
  for (let m: u32 = 0; m < task.memberCount; m++) {
    const member = memberAt(task, m);
    const tensor = tensorOf(member);
    for (let k: u32 = 0; k < tensor.unitCount; k++) {
      standardizeUnit(task, unitAt(tensor, k), pooledMean, pooledDeviation, counted);
    }
    member.degenerate = counted;
  }
  return counted;
}

/** σ ≤ max(minStd, relativeMinStd · |μ|); false for NaN, which propagates through the quotient */
function countsAsZero(task: Task, average: f64, deviation: f64): u32 {
  return deviation <= max<f64>(Math.abs(average) * task.relativeMinStd, task.minStd) ? 1 : 0;
}

function standardizeUnit(task: Task, unit: Unit, average: f64, deviation: f64, counted: u32): void {
  if (counted && task.onDegenerate == OnDegenerate.pass) return;
  if (task.centred) centre(unit, average);
  if (!counted) {
    scale(unit, 1 / (deviation + task.eps));
  } else if (task.onDegenerate == OnDegenerate.zero) {
    unit.scale = 0;
    unit.offset = 0;
  }
}

/** The statistics of a whole tensor: of a sample of its elements, or from those of its units. */
function measureMember(task: Task, member: Member): void {
  if (task.statistics == Statistics.sampled) {
    measureMemberSample(member);
    return;
  }
  const tensor = tensorOf(member);
  if (tensor.unitCount == 1) {
    const unit = unitAt(tensor, 0);
    settle(task, member, 0, meanOf(unit), deviationOf(unit, tensor.unitSize));
    return;
  }
  const average = averageOf(tensor);
  let variance: f64 = 0;
  for (let k: u32 = 0; k < tensor.unitCount; k++) {
    const deviation = deviationOf(unitAt(tensor, k), tensor.unitSize);
    const distance = meanOf(unitAt(tensor, k)) - average;
    variance += deviation * deviation + distance * distance;
  }
  settle(task, member, 0, average, Math.sqrt(variance / <f64>tensor.unitCount));
}

/** Units are equally large. */
function averageOf(tensor: Tensor): f64 {
  let sum: f64 = 0;
  for (let k: u32 = 0; k < tensor.unitCount; k++) sum += meanOf(unitAt(tensor, k));
  return sum / <f64>tensor.unitCount;
}

function measureMemberSample(member: Member): void {
  const tensor = tensorOf(member);
  const limit = changetype<Recipe>(tensor.recipe).limitBefore;
  measureSample(tensor.gradient + ((<usize>member.first) << 2), member.stride, member.count, limit);
  // Where statistics are sampled, all units of the tensor still have the same map.
  const unit = unitAt(tensor, 0);
  member.mean = unit.scale * (mean - unit.centre) + unit.offset;
  member.deviation = Math.abs(unit.scale) * Math.sqrt(deviations / <f64>member.count);
}

/** Decides which statistics to go by, this step's or kept ones, and what is kept for the next step. */
function settle(task: Task, member: Member, index: u32, average: f64, deviation: f64): void {
  member.mean = average;
  member.deviation = deviation;
  if (task.statistics == Statistics.exact) return;
  const means = member.means + ((<usize>index) << 3);
  const kept = member.deviations + ((<usize>index) << 3);
  if (task.statistics != Statistics.renewed && load<f32>(member.seen) != 0) {
    member.mean = load<f64>(means);
    member.deviation = load<f64>(kept);
  }
  if (task.statistics != Statistics.movingAverage) {
    store<f64>(means, member.mean);
    store<f64>(kept, member.deviation);
  } else if (tensorOf(member).measure != Measure.alongside) {
    store<f64>(means, member.mean * task.decay + average * (1 - task.decay));
    store<f64>(kept, member.deviation * task.decay + deviation * (1 - task.decay));
  }
}

/** The moving averages of tensors that were measured alongside their update. Nothing came before this task. */
export function keepAlongside(task: Task): void {
  if (task.operation != Operation.standardize || task.statistics != Statistics.movingAverage) return;
  for (let m: u32 = 0; m < task.memberCount; m++) {
    const member = memberAt(task, m);
    const tensor = tensorOf(member);
    if (tensor.measure != Measure.alongside) continue;
    for (let k: u32 = 0; k < tensor.unitCount; k++) {
      const unit = unitAt(tensor, k);
      const means = member.means + ((<usize>k) << 3);
      const kept = member.deviations + ((<usize>k) << 3);
      const deviation = Math.sqrt(unit.deviations / <f64>tensor.unitSize);
      store<f64>(means, load<f64>(means) * task.decay + unit.mean * (1 - task.decay));
      store<f64>(kept, load<f64>(kept) * task.decay + deviation * (1 - task.decay));
    }
  }
}

let pooledMean: f64 = 0;
let pooledDeviation: f64 = 0;

/**
 * The moments of a union from the moments of its parts (Chan et al. 1979), with n_i elements each and N in all:
 *
 *     μ = Σ n_i μ_i / N        σ² = Σ n_i (σ_i² + (μ_i − μ)²) / N
 */
function poolMembers(task: Task): void {
  if (task.memberCount == 1) {
    pooledMean = memberAt(task, 0).mean;
    pooledDeviation = memberAt(task, 0).deviation;
    return;
  }
  let elements: f64 = 0;
  let weighted: f64 = 0;
  for (let m: u32 = 0; m < task.memberCount; m++) {
    const size = <f64>sizeOf(tensorOf(memberAt(task, m)));
    elements += size;
    weighted += size * memberAt(task, m).mean;
  }
  pooledMean = weighted / elements;
  let variance: f64 = 0;
  for (let m: u32 = 0; m < task.memberCount; m++) {
    const member = memberAt(task, m);
    const distance = member.mean - pooledMean;
    variance += <f64>sizeOf(tensorOf(member)) * (member.deviation * member.deviation + distance * distance);
  }
  pooledDeviation = Math.sqrt(variance / elements);
}
