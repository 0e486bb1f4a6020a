// node tfjs_update.mjs <tensors> <elements of each>
// z-scores composed of TensorFlow.js's operations, then its Adam. Protocol as in ../peer.ts.
import { answer } from './answer.mjs';
import { tf } from './tfjs.mjs';

const [tensors, size] = process.argv.slice(2).map(Number);
const names = Array.from({ length: tensors }, (_, i) => `w${i}`);
for (const name of names) tf.variable(tf.randomNormal([size]), true, name);
const gradients = names.map(() => tf.randomNormal([size]));
const optimizer = tf.train.adam(1e-3);

await answer(() =>
  tf.tidy(() => {
    const updates = gradients.map((gradient) => {
      const { mean, variance } = tf.moments(gradient);
      return tf.div(tf.sub(gradient, mean), tf.add(tf.sqrt(variance), 1e-8));
    });
    optimizer.applyGradients(Object.fromEntries(names.map((name, i) => [name, updates[i]])));
  }),
);
