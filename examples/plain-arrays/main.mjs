// node examples/plain-arrays/main.mjs: a parabola through points, on plain arrays. No framework, no set-up.
import { adam, applyUpdates, chain, clipByGlobalNorm, cosine, init, tensor, update } from 'znorm';

const points = Array.from({ length: 41 }, (_, i) => i / 20 - 1).map((x) => ({
  x,
  y: 1 - 3 * x + 2 * x ** 2,
}));
const optimizer = chain(
  clipByGlobalNorm({ maxNorm: 1 }),
  adam({ learningRate: cosine({ from: 0.1, steps: 500 }) }),
);
let params = { weights: tensor([0, 0, 0]) };
let state = init(optimizer, params);
for (let step = 0; step < 500; step++) {
  const [a, b, c] = params.weights.data;
  const errors = points.map(({ x, y }) => ({ x, error: a + b * x + c * x ** 2 - y }));
  const gradient = [0, 1, 2].map((k) => errors.reduce((sum, { x, error }) => sum + error * x ** k, 0));
  const result = update(optimizer, { weights: tensor(gradient) }, state, params);
  params = applyUpdates(params, result.updates);
  state = result.state;
}
console.log([...params.weights.data].map((weight) => weight.toFixed(2)).join(' '));
