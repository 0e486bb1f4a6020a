import { expect, test } from 'vitest';
import { didYouMean } from '../src/did-you-mean.ts';

const names = ['cifar10', 'fashion-mnist', 'mnist'];

test('the nearest name is suggested for a slip of the hand', () => {
  expect(didYouMean('cifar100', names)).toBe(" Did you mean 'cifar10'?");
  expect(didYouMean('mnsit', names)).toBe(" Did you mean 'mnist'?"); // Two neighbours swapped are one slip.
  expect(didYouMean('fasion-mnist', names)).toBe(" Did you mean 'fashion-mnist'?");
});

test('case, hyphens and underscores are no difference', () => {
  expect(didYouMean('CIFAR-10', names)).toBe(" Did you mean 'cifar10'?");
  expect(didYouMean('Fashion_MNIST', names)).toBe(" Did you mean 'fashion-mnist'?");
});

test('nothing is suggested for another word', () => {
  expect(didYouMean('imagenet', names)).toBe('');
  expect(didYouMean('', names)).toBe('');
});
