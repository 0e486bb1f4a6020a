// node tfjs_train.mjs resnet20 <batch size>
// A training step of TensorFlow.js with momentum. Protocol as in ../peer.ts.
import { answer } from './answer.mjs';
import { tf } from './tfjs.mjs';

const [network, batchSize] = [process.argv[2], Number(process.argv[3])];
const depth = Number(network.replace('resnet', ''));

registerKernelGradient();
const forward = resnet();
const inputs = tf.randomNormal([batchSize, 32, 32, 3]);
const labels = tf.tensor1d(
  Array.from({ length: batchSize }, (_, i) => i % 10),
  'int32',
);
const targets = tf.cast(tf.oneHot(labels, 10), 'float32');
const optimizer = tf.train.momentum(0.01, 0.9);

await answer(() => {
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, forward(inputs)), true);
  loss.dataSync();
  loss.dispose();
});

/** NHWC, as its kernels want it. */
function resnet() {
  const variable = (tensor) => tf.variable(tensor);
  const convolution = (size, channels, filters, stride) => {
    const shape = [size, size, channels, filters];
    const kernel = variable(tf.randomNormal(shape, 0, Math.sqrt(2 / (size * size * channels))));
    const [scale, shift] = [variable(tf.ones([filters])), variable(tf.zeros([filters]))];
    return (x) => {
      const y = tf.conv2d(x, kernel, stride, 'same');
      const { mean, variance } = tf.moments(y, [0, 1, 2]);
      return tf.batchNorm(y, mean, variance, shift, scale, 1e-5);
    };
  };
  const block = (channels, filters, stride) => {
    const [first, second] = [convolution(3, channels, filters, stride), convolution(3, filters, filters, 1)];
    const shortcut = stride === 1 ? (x) => x : convolution(1, channels, filters, stride);
    return (x) => tf.relu(tf.add(second(tf.relu(first(x))), shortcut(x)));
  };
  const stem = convolution(3, 3, 16, 1);
  const blocks = [];
  let channels = 16;
  for (const filters of [16, 32, 64]) {
    for (let i = 0; i < (depth - 2) / 6; i++) {
      blocks.push(block(channels, filters, filters > 16 && i === 0 ? 2 : 1));
      channels = filters;
    }
  }
  const [kernel, bias] = [variable(tf.randomNormal([64, 10], 0, 0.1)), variable(tf.zeros([10]))];
  return (x) => {
    const features = blocks.reduce((h, apply) => apply(h), tf.relu(stem(x)));
    return tf.add(tf.matMul(tf.mean(features, [1, 2]), kernel), bias);
  };
}

/** The WebAssembly backend lacks the convolution's kernel gradient: a matrix product for each offset of the kernel. */
function registerKernelGradient() {
  tf.registerKernel({
    kernelName: 'Conv2DBackpropFilter',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs: { strides, pad, dimRoundingMode, filterShape } }) => {
      const tensorOf = (info) => tf.engine().makeTensorFromTensorInfo(info);
      const [x, dy] = [tensorOf(inputs.x), tensorOf(inputs.dy)];
      const [height, width, channels, filters] = filterShape;
      const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
      const { batchSize, outHeight, outWidth, strideHeight, strideWidth, padInfo } = info;
      const rows = batchSize * outHeight * outWidth;
      return tf.tidy(() => {
        const gradient = tf.reshape(dy, [rows, filters]);
        const below = (outHeight - 1) * strideHeight + height - x.shape[1] - padInfo.top;
        const right = (outWidth - 1) * strideWidth + width - x.shape[2] - padInfo.left;
        const edges = [
          [0, 0],
          [padInfo.top, Math.max(0, below)],
          [padInfo.left, Math.max(0, right)],
          [0, 0],
        ];
        const padded = edges.flat().some((edge) => edge > 0) ? tf.pad(x, edges) : x;
        const products = [];
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            const end = [
              batchSize,
              i + (outHeight - 1) * strideHeight + 1,
              j + (outWidth - 1) * strideWidth + 1,
              channels,
            ];
            const window =
              strideHeight === 1 && strideWidth === 1
                ? tf.slice(padded, [0, i, j, 0], [batchSize, outHeight, outWidth, channels])
                : tf.stridedSlice(padded, [0, i, j, 0], end, [1, strideHeight, strideWidth, 1]);
            products.push(tf.matMul(tf.reshape(window, [rows, channels]), gradient, true));
          }
        }
        return tf.reshape(tf.stack(products), filterShape);
      });
    },
  });
}
