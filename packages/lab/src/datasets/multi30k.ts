import { gzippedSource } from './idx-download.ts';
import type { TextDataset } from './text-dataset.ts';

export const multi30k: TextDataset = {
  name: 'multi30k',
  title: 'Multi30k, English to German',
  description: 'descriptions of photographs and their translations',
  licence: 'research use, Elliott et al. 2016; text CC BY-NC-SA 4.0',
  homepage: 'https://github.com/multi30k/dataset',
  holds: '29,000 + 1,014 + 1,000 pairs of sentences',
  files: [
    { name: 'train.en', bytes: 1_801_238, sha1: '9dcf8c2eca9c247857621f70b775d80a9573e11d' },
    { name: 'train.de', bytes: 2_110_398, sha1: '0fd15648687149cf46b8c441b99b31ace76f02e7' },
    { name: 'val.en', bytes: 63_297, sha1: '395cb9a531e50c3263720a7db3ea6b110b8490db' },
    { name: 'val.de', bytes: 75_981, sha1: '066cf66cc1c771cbe9c5a8ca0a3ebcdbc95cae73' },
    { name: 'test_2016_flickr.en', bytes: 62_076, sha1: '9982210315a70106e3f724bfe745ac7fcb484387' },
    { name: 'test_2016_flickr.de', bytes: 70_649, sha1: '23b8540ad62d72ce4f1ef52479c094dcee39be57' },
  ],
  sources: [
    gzippedSource(
      [
        { name: 'train.en', bytes: 568_929, md5: '0065d13af80720a55ca8153d126e6627' },
        { name: 'train.de', bytes: 637_044, md5: '81ff90b99829c0cd4b1b587d394afd39' },
        { name: 'val.en', bytes: 21_650, md5: '2b69aa9253948ac9f67e94917272dd40' },
        { name: 'val.de', bytes: 24_681, md5: '6e0e229eb049e3fc99a1ef02fb2d5f91' },
        { name: 'test_2016_flickr.en', bytes: 21_077, md5: 'ff2c0fcb4893a13bd73414306bc250ae' },
        { name: 'test_2016_flickr.de', bytes: 22_890, md5: 'efd67d314d98489b716b145475101932' },
      ],
      ['https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/'],
    ),
  ],
};
