import { describe, expect, test } from 'vitest';
import { labelledSentences } from '../../src/datasets/sst2.ts';
import { pairedLines } from '../../src/datasets/text-dataset.ts';
import { badInput } from '../../src/expected-error.ts';
import { bytePairs, learnBytePairs } from '../../src/text/byte-pairs.ts';
import { charactersOf } from '../../src/text/characters.ts';
import { decodeText, linesOf } from '../../src/text/utf8.ts';
import { wordsOf } from '../../src/text/words.ts';

describe('text', () => {
  test('is UTF-8: the first byte that is not is named', () => {
    const bytes = (...all: number[]) => Uint8Array.from(all);
    expect(decodeText(new TextEncoder().encode('Grüße €'), 'a.txt')).toBe('Grüße €');
    const wrong: [number[], string][] = [
      [[0x61, 0xff, 0x62], '0xff at offset 1'],
      [[0x61, 0x62, 0xe4], '0xe4 at offset 2'],
      [[0xc3, 0xbc, 0xe4, 0x74], '0xe4 at offset 2'],
      [[0x61, 0xe2, 0x82], '0xe2 at offset 1'],
    ];
    for (const [data, what] of wrong)
      expect(() => decodeText(bytes(...data), 'tinyshakespeare: input.txt')).toThrow(
        badInput(
          `tinyshakespeare: input.txt: expected UTF-8 text, got byte ${what}. Convert the file, for example with \`iconv -t utf-8\`.`,
        ),
      );
  });

  test('is not empty', () => {
    for (const text of ['', ' \n\n'])
      expect(() => decodeText(new TextEncoder().encode(text), 'a.txt')).toThrow(
        badInput('a.txt: expected text, got none. Bring the whole file.'),
      );
  });

  test('has lines, whatever ends them; the end of the last starts no other', () => {
    expect(linesOf('a\nb\r\nc\n')).toEqual(['a', 'b', 'c']);
    expect(linesOf('a\n\nb')).toEqual(['a', '', 'b']);
  });

  test('has characters for tokens, and no token for any other', () => {
    const characters = charactersOf('to be 😀');
    expect(characters.characters).toEqual([' ', 'b', 'e', 'o', 't', '😀']);
    expect([...characters.encode('bot😀')]).toEqual([1, 3, 4, 5]);
    expect(characters.decode([4, 3, 5])).toBe('to😀');
    expect(() => characters.encode('bat')).toThrow(
      badInput(
        'characters: expected one of the 6 characters of the training text, got "a". Learn from a text that has it.',
      ),
    );
  });

  test('has words for tokens, the frequent first; the others share one', () => {
    const words = wordsOf(
      [
        ['b', 'a', 'a'],
        ['b', 'c', 'a'],
      ],
      2,
    );
    expect(words).toMatchObject({ words: ['a', 'b'], size: 4 });
    expect(words.encode(['b', 'c', 'a', 'd'])).toEqual([3, 1, 2, 1]);
  });
});

describe('byte pairs', () => {
  test('are learnt by their counts, equals by their tokens: the textbook example by hand', () => {
    // Sennrich et al.: low ×5, lower ×2, newest ×6, widest ×3. First es (9), then est (9), then lo, low (7 each).
    const text = [
      ...Array(5).fill('low'),
      ...Array(2).fill('lower'),
      ...Array(6).fill('newest'),
      ...Array(3).fill('widest'),
    ];
    const parts = learnBytePairs(text, 4);
    expect(Array.from({ length: 4 }, (_, i) => parts.decode([256 + i]))).toEqual(['es', 'est', 'lo', 'low']);
    expect(parts.encode('lowest').map((token) => parts.decode([token]))).toEqual(['low', 'est']);
    expect(parts.size).toBe(260);
  });

  test('give back any text, also what they never saw', () => {
    const parts = learnBytePairs(['Zwei junge weiße Männer sind im Freien.', 'Two men are outside.'], 40);
    for (const text of ['Zwei Männer', '  two  spaces ', 'a\tb\n', '1.5 €, 日本語 😀!', ''])
      expect(parts.decode(parts.encode(text))).toBe(text);
    expect(parts.decode([0xff])).toBe('�');
  });

  test('are the same however often learnt, and again from their merges', () => {
    const lines = Array.from({ length: 200 }, (_, i) => `w${(i * 7) % 31} x${(i * i) % 17} stone${i % 5}`);
    const first = learnBytePairs(lines, 60);
    expect(learnBytePairs(lines, 60).merges).toEqual(first.merges);
    expect(learnBytePairs(lines.toReversed(), 60).merges).toEqual(first.merges);
    expect(bytePairs(first.merges).encode('stone3 w14')).toEqual(first.encode('stone3 w14'));
  });

  test('equal those of counting everything anew after each merge', () => {
    const lines = Array.from(
      { length: 60 },
      (_, i) => `${'ab'.repeat(i % 4)}a${'ba'.repeat(i % 3)}aa b${i % 7}b`,
    );
    const parts = learnBytePairs(lines, 12);
    let words = lines.flatMap((line) =>
      (line.match(/ ?\p{L}+| ?\p{N}+/gu) ?? []).map((word) => [...Buffer.from(word)]),
    );
    for (const [rank, pair] of parts.merges.entries()) {
      const counts = new Map<number, number>();
      for (const word of words)
        for (let i = 0; i + 1 < word.length; i++) {
          const key = word[i] * 1000 + word[i + 1];
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
      const [best] = [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0];
      expect(pair).toEqual([Math.floor(best / 1000), best % 1000]);
      words = words.map((word) => {
        const merged: number[] = [];
        for (let i = 0; i < word.length; i++)
          if (word[i] === pair[0] && word[i + 1] === pair[1]) {
            merged.push(256 + rank);
            i++;
          } else merged.push(word[i]);
        return merged;
      });
    }
  });

  test('stop where no pair occurs twice', () => {
    expect(learnBytePairs(['abc'], 10).merges).toEqual([]);
  });
});

test('source and target have as many lines', () => {
  const source = { name: 'train.en', text: 'a\nb\nc\n' };
  expect(pairedLines('multi30k', source, { name: 'train.de', text: 'x\ny\nz\n' })[2]).toEqual({
    source: 'c',
    target: 'z',
  });
  expect(() => pairedLines('multi30k', source, { name: 'train.de', text: 'x\ny\n' })).toThrow(
    badInput(
      'multi30k: expected as many lines in train.de as in train.en (3), got 2. Bring files that belong together.',
    ),
  );
});

test('a labelled sentence is text, a tab and 0 or 1', () => {
  expect(labelledSentences('sst2: train.tsv', 'good film\t1\nbad\tfilm\t0\n')).toEqual([
    { text: 'good film', label: 1 },
    { text: 'bad\tfilm', label: 0 },
  ]);
  expect(() => labelledSentences('sst2: train.tsv', 'good\t1\nbad film 0\n')).toThrow(
    badInput('sst2: train.tsv:2: expected a sentence, a tab and 0 or 1, got "bad film 0".'),
  );
});
