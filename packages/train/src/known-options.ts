/** Rejects options that are not there, by name: in plain JavaScript a slip of the pen would change nothing, silently. */
export function knownOptions(where: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(`${where}: unknown option \`${unknown}\`. Known options: ${known.join(', ')}.`);
  }
}
