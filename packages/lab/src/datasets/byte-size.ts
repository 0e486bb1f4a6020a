/**
 * A number of bytes for people, in powers of ten as disks and download pages count: three digits that matter.
 *
 * @example
 * byteSize(170_052_171); // "170 MB"
 * byteSize(9_912_422);   // "9.9 MB"
 */
export function byteSize(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  // 999.5 would be printed as 1000 of the smaller unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}
