/** A p value to three digits, which never rounds one over a threshold to one under it by more than that. */
export function pValue(p: number): string {
  return p < 0.001 ? '< 0.001' : String(Number(p.toPrecision(3)));
}

/** `p = 0.25`, `p < 0.001`. */
export function pEquals(p: number): string {
  const text = pValue(p);
  return text.startsWith('<') ? `p ${text}` : `p = ${text}`;
}

/** Thousands apart: 50000 → `50,000`. */
export function thousands(count: number): string {
  return count.toLocaleString('en-US');
}

/** A number and its noun: `1 seed`, `3 seeds`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `accuracy` → `Accuracy`. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
