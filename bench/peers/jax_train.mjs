// node jax_train.mjs resnet20 <batch size> <threads>
// A training step of jax-js with momentum, all of it in one function under `jit`. Protocol as in ../peer.ts.
import { answer } from './answer.mjs';
import { jaxOn } from './jax.mjs';

const [network, batchSize, threads] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const depth = Number(network.replace('resnet', ''));
const { blockUntilReady, jit, nn, numpy: np, tree, valueAndGrad } = await jaxOn(threads);

const normal = (shape, deviation) => {
  const values = Float32Array.from({ length: shape.reduce((size, axis) => size * axis, 1) }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    return deviation * radius * Math.cos(2 * Math.PI * Math.random());
  });
  return np.array(values).reshape(shape);
};

/** Convolutions in order: [size, channels, filters, stride]. Blocks of two, and a shortcut where the stride is 2. */
const blocks = [];
let width = 16;
for (const filters of [16, 32, 64]) {
  for (let i = 0; i < (depth - 2) / 6; i++) {
    blocks.push([width, filters, filters > 16 && i === 0 ? 2 : 1]);
    width = filters;
  }
}

let parameters = initial();
let traces = tree.map((parameter) => np.zerosLike(parameter), tree.ref(parameters));
const inputs = normal([batchSize, 3, 32, 32], 1);
const labels = np.array(Int32Array.from({ length: batchSize }, (_, i) => i % 10));
const targets = nn.oneHot(labels, 10);

const step = jit((parameters, traces, inputs, targets) => {
  const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(parameters), inputs, targets);
  const moved = tree.map((trace, gradient) => trace.mul(0.9).add(gradient), traces, gradients);
  const next = tree.map((parameter, trace) => parameter.sub(trace.ref.mul(0.01)), parameters, moved);
  return [loss, next, moved];
});

await answer(async () => {
  const [loss, ...rest] = step(parameters, traces, inputs.ref, targets.ref);
  [parameters, traces] = rest;
  await blockUntilReady(rest);
  await loss.data();
});

function initial() {
  const convolution = (size, channels, filters) => ({
    kernel: normal([filters, channels, size, size], Math.sqrt(2 / (size * size * channels))),
    scale: np.ones([filters, 1, 1]),
    shift: np.zeros([filters, 1, 1]),
  });
  return {
    stem: convolution(3, 3, 16),
    blocks: blocks.map(([channels, filters, stride]) => ({
      first: convolution(3, channels, filters),
      second: convolution(3, filters, filters),
      ...(stride > 1 && { shortcut: convolution(1, channels, filters) }),
    })),
    kernel: normal([64, 10], 0.1),
    bias: np.zeros([10]),
  };
}

// Arrays are used up by the operation that they are passed to, but for `.ref`.

function lossOf({ stem, blocks: own, kernel, bias }, inputs, targets) {
  let h = nn.relu(normalized(stem, inputs, 1));
  own.forEach(({ first, second, shortcut }, i) => {
    const stride = blocks[i][2];
    const y = normalized(second, nn.relu(normalized(first, h.ref, stride)), 1);
    h = nn.relu(y.add(shortcut ? normalized(shortcut, h, stride) : h));
  });
  const logits = np.matmul(np.mean(h, [2, 3]), kernel).add(bias);
  return nn
    .logSoftmax(logits)
    .mul(targets)
    .sum()
    .mul(-1 / batchSize);
}

function normalized({ kernel, scale, shift }, x, stride) {
  const y = convolved(x, kernel, stride);
  const distance = y.ref.sub(np.mean(y, [0, 2, 3], { keepdims: true }));
  const variance = np.mean(np.square(distance.ref), [0, 2, 3], { keepdims: true });
  return distance
    .mul(np.reciprocal(np.sqrt(variance.add(1e-5))))
    .mul(scale)
    .add(shift);
}

/** As one matrix product of shifted slices: its own convolution takes twenty times as long. */
function convolved(x, kernel, stride) {
  const [batch, channels, height] = x.shape;
  const [filters, , size] = kernel.shape;
  const edge = size === 3 ? 1 : 0;
  const side = Math.floor((height + 2 * edge - size) / stride) + 1;
  const swapped = x.transpose([1, 0, 2, 3]);
  const padded = edge
    ? np.pad(swapped, [
        [0, 0],
        [0, 0],
        [edge, edge],
        [edge, edge],
      ])
    : swapped;
  const columns = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const reach = (side - 1) * stride + 1;
      let window = padded.ref.slice([], [], [i, i + reach], [j, j + reach]);
      if (stride > 1) {
        const rest = [0, stride - 1];
        window = np
          .pad(window, [[0, 0], [0, 0], rest, rest])
          .reshape([channels, batch, side, stride, side, stride])
          .slice([], [], [], 0, [], 0);
      }
      columns.push(window.reshape([channels, batch * side * side]));
    }
  }
  padded.dispose();
  const matrix = columns.length > 1 ? np.concatenate(columns, 0) : columns[0];
  const weights = kernel.transpose([0, 2, 3, 1]).reshape([filters, size * size * channels]);
  return np.matmul(weights, matrix).reshape([filters, batch, side, side]).transpose([1, 0, 2, 3]);
}
