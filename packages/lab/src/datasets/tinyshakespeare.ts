import { plainSource } from './plain-download.ts';
import type { TextDataset } from './text-dataset.ts';

export const tinyshakespeare: TextDataset = {
  name: 'tinyshakespeare',
  title: 'Tiny Shakespeare',
  description: '40,000 lines of Shakespeare’s plays in one file',
  licence: 'public domain text',
  homepage: 'https://github.com/karpathy/char-rnn',
  holds: '1,115,394 characters',
  files: [{ name: 'input.txt', bytes: 1_115_394, sha1: '04486597058d11dcc2c556b1d0433891eb639d2e' }],
  sources: [
    plainSource(
      [{ name: 'input.txt', bytes: 1_115_394, md5: '6fb458f1232090904fb40fe944165e91' }],
      'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/',
    ),
  ],
};
