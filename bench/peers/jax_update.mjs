// node jax_update.mjs <tensors> <elements of each> <threads>
// z-scores and Adam in one function under `jit`. Protocol as in ../peer.ts.
import { answer } from './answer.mjs';
import { jaxOn } from './jax.mjs';

const [tensors, size, threads] = process.argv.slice(2).map(Number);
const { blockUntilReady, jit, numpy: np, tree } = await jaxOn(threads);

const filled = () => {
  const values = Float32Array.from({ length: size }, () => Math.random() - 0.5);
  return np.array(values);
};
const zeros = () => np.zeros([size]);
const list = (make) => Array.from({ length: tensors }, make);
const gradients = list(filled);
let state = { w: list(filled), m: list(zeros), v: list(zeros) };

const update = jit(({ w, m, v }, g, c1, c2) => {
  const u = g.map((gradient) => {
    const distance = gradient.ref.sub(np.mean(gradient));
    const deviation = np.sqrt(np.mean(np.square(distance.ref)));
    return distance.div(deviation.add(1e-8));
  });
  const m1 = m.map((mean, i) => mean.mul(0.9).add(u[i].ref.mul(0.1)));
  const v1 = v.map((square, i) => square.mul(0.999).add(np.square(u[i]).mul(0.001)));
  const w1 = w.map((weight, i) => {
    const direction = m1[i].ref.mul(c1.ref).div(np.sqrt(v1[i].ref.mul(c2.ref)).add(1e-8));
    return weight.sub(direction.mul(1e-3));
  });
  c1.dispose();
  c2.dispose();
  return { w: w1, m: m1, v: v1 };
});

let steps = 0;
await answer(async () => {
  steps++;
  const correction = (decay) => np.array(new Float32Array([1 / (1 - decay ** steps)]));
  state = update(state, tree.ref(gradients), correction(0.9), correction(0.999));
  await blockUntilReady(state);
});
