/** An accuracy in [0, 1] as a percentage without its sign: 0.7231 → `72.31`. */
export function percent(accuracy: number): string {
  return (100 * accuracy).toFixed(2);
}

/** A difference of accuracies in points, with its sign: 0.0184 → `+1.84`, −0.0032 → `−0.32`, 0 → `0.00`. */
export function points(difference: number): string {
  const size = percent(Math.abs(difference));
  if (Number(size) === 0) return size;
  return `${difference < 0 ? '−' : '+'}${size}`;
}

/** A p value to three digits, which never rounds one over a threshold to one under it by more than that. */
export function pValue(p: number): string {
  return p < 0.001 ? '< 0.001' : String(Number(p.toPrecision(3)));
}

/** `p = 0.25`, `p < 0.001`. */
export function pEquals(p: number): string {
  const text = pValue(p);
  return text.startsWith('<') ? `p ${text}` : `p = ${text}`;
}

/** A half-width around a mean: [0.70, 0.72] → `± 1.00`. */
export function plusMinus([low, high]: readonly [number, number]): string {
  return `± ${percent((high - low) / 2)}`;
}

/** A number and its noun: `1 seed`, `3 seeds`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
