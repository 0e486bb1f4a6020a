// Run as `node step-digest.mjs <engine> <threads>`: prints a hash of the loss and all gradients of a step through
// every formulation of the engine. A process of its own, because WebAssembly fixes its threads once a process.
import { createHash } from 'node:crypto';
import {
  add,
  attention,
  averagePool2d,
  batchNorm,
  conv2d,
  createGraph,
  createSession,
  gather,
  gelu,
  gemm,
  globalAveragePool,
  gradients,
  input,
  layerNorm,
  matmul,
  maxPool2d,
  output,
  relu,
  reshape,
  rmsNorm,
  softmax,
  softmaxCrossEntropy,
  transpose,
} from '@znorm/train';

const [engine, threads] = [process.argv[2], Number(process.argv[3])];
const batch = 32;
const graph = createGraph();
const parameters = [];
const parameter = (name, shape) => {
  const value = input(graph, name, shape);
  parameters.push(value);
  return value;
};
const block = (name, x, filters, kernel, options) => {
  const y = conv2d(x, parameter(`${name}.kernel`, [filters, x.shape[1], kernel, kernel]), options);
  return batchNorm(y, parameter(`${name}.scale`, [filters]), parameter(`${name}.bias`, [filters])).y;
};

const stem = relu(block('stem', input(graph, 'images', [batch, 3, 16, 16]), 16, 3, { pads: 1 }));
const same = relu(add(block('same', stem, 16, 3, { pads: 1 }), stem));
const half = relu(
  add(block('half', same, 32, 3, { pads: 1, strides: 2 }), block('shortcut', same, 32, 1, { strides: 2 })),
);
const pooled = averagePool2d(maxPool2d(half, { kernel: 3, strides: 1, pads: 1 }), { kernel: 2 });
const tokens = transpose(reshape(pooled, [batch, 32, 16]), [0, 2, 1]);
const positions = gather(parameter('positions', [5, 32]), input(graph, 'ids', [batch, 16], 'int64'));
const normalized = layerNorm(
  add(tokens, positions),
  parameter('norm.scale', [32]),
  parameter('norm.bias', [32]),
);
const own = attention(normalized, normalized, normalized, { heads: 4, causal: true });
const similar = matmul(
  softmax(matmul(own, transpose(own, [0, 2, 1]))),
  rmsNorm(own, parameter('gain', [32])),
);
const mixed = gelu(matmul(similar, parameter('projection', [32, 32])));
const features = globalAveragePool(reshape(mixed, [batch, 16, 32, 1]));
const logits = gemm(features, parameter('dense', [10, 16]), {
  transB: true,
  bias: parameter('offset', [10]),
});
const loss = softmaxCrossEntropy(logits, input(graph, 'labels', [batch], 'int64'));

output(loss, 'loss');
for (const [i, gradient] of gradients(loss, parameters).entries())
  output(gradient, `gradient of ${parameters[i].name}`);

const count = (shape) => shape.reduce((a, b) => a * b, 1);
const feeds = Object.fromEntries(
  graph.inputs.map(({ name, shape, dtype }, k) => [
    name,
    {
      shape,
      data:
        dtype === 'int64'
          ? BigInt64Array.from({ length: count(shape) }, (_, i) => BigInt((i * i + k) % 5))
          : // Integers of a linear congruence, scaled: the same numbers on every machine.
            Float32Array.from({ length: count(shape) }, (_, i) => (((i + 7 * k) * 7919) % 1009) / 504.5 - 1),
    },
  ]),
);
const fetches = Object.fromEntries(
  [...graph.outputs].map(([name, { shape }]) => [name, { shape, data: new Float32Array(count(shape)) }]),
);

const session = await createSession(graph, { engine, threads });
const digests = [];
for (let run = 0; run < 3; run++) {
  await session.run(feeds, fetches);
  const hash = createHash('sha256');
  for (const { data } of Object.values(fetches)) hash.update(new Uint8Array(data.buffer));
  digests.push(hash.digest('hex'));
}
const squares = Object.values(fetches).map(({ data }) => data.reduce((sum, x) => sum + x * x, 0));
process.stdout.write(JSON.stringify({ digests, squares }));
