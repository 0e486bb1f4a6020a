import { badInput } from '../expected-error.ts';

/** The characters of a text as tokens. */
export interface Characters {
  /** In order of their code points; a token is an index into them. */
  readonly characters: readonly string[];
  /** @throws ExpectedError naming a character that there is no token for */
  encode(text: string): Int32Array;
  decode(tokens: Iterable<number>): string;
}

/** Every character that occurs in a text becomes a token. */
export function charactersOf(text: string): Characters {
  const characters = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const tokens = new Map(characters.map((character, token) => [character, token]));
  return {
    characters,
    encode: (other) =>
      Int32Array.from(other, (character) => {
        const token = tokens.get(character);
        if (token !== undefined) return token;
        throw badInput(
          `characters: expected one of the ${characters.length} characters of the training text, got ${JSON.stringify(character)}. Learn from a text that has it.`,
        );
      }),
    decode: (some) => Array.from(some, (token) => characters[token]).join(''),
  };
}
