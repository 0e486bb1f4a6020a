/** Breaks a text into lines of at most `width` characters, between words. */
export function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** A word and what there is to say of it, beside it: further lines stand below the first. */
export function entry(
  word: string,
  text: string,
  { indent, width }: { indent: number; width: number },
): string {
  const start = ' '.repeat(indent) + word.padEnd(width);
  const lines = wrap(text, 80 - start.length);
  return lines.map((line, index) => (index === 0 ? start : ' '.repeat(start.length)) + line).join('\n');
}
