import { badInput } from '../expected-error.ts';
import { linesOf } from '../text/utf8.ts';
import { plainSource } from './plain-download.ts';
import type { TextDataset } from './text-dataset.ts';

export const sst2: TextDataset = {
  name: 'sst2',
  title: 'SST-2',
  description: 'sentences of film reviews, positive or negative',
  licence: 'research use, Socher et al. 2013',
  homepage: 'https://nlp.stanford.edu/sentiment/',
  holds: '6,920 + 872 + 1,821 sentences',
  files: [
    { name: 'train.tsv', bytes: 720_259, sha1: '41a33df29665372e9ef2cc4dcd8c9999e4bbff86' },
    { name: 'dev.tsv', bytes: 92_057, sha1: '56a139b44b2a893ce403cee5781a9e998e67249b' },
    { name: 'test.tsv', bytes: 188_749, sha1: 'b20c7aad6190217c1fff04f59f8029d9ecd38144' },
  ],
  sources: [
    plainSource(
      [
        { name: 'train.tsv', bytes: 720_259, md5: 'c6150a821d5effe356ec872c2b95855c' },
        { name: 'dev.tsv', bytes: 92_057, md5: '3f2a9a844576f2b5a7aeeac2ccbab1c7' },
        { name: 'test.tsv', bytes: 188_749, md5: 'f8f49ee1b37ec68b0e8977fbe33761e2' },
      ],
      'https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/master/data/SST2/',
    ),
  ],
};

export interface LabelledSentence {
  readonly text: string;
  /** 1 for positive, 0 for negative. */
  readonly label: number;
}

/** A sentence, a tab and its label on each line. @throws ExpectedError naming the line that is something else */
export function labelledSentences(where: string, text: string): LabelledSentence[] {
  return linesOf(text).map((line, i) => {
    const match = /^(.*\S.*)\t([01])$/.exec(line);
    if (match) return { text: match[1], label: Number(match[2]) };
    throw badInput(
      `${where}:${i + 1}: expected a sentence, a tab and 0 or 1, got ${JSON.stringify(line.slice(0, 60))}.`,
    );
  });
}
