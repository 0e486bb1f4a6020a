// What one thread and two come to on the main thread of a page.
import { allocateUpdate, createFusedUpdate, planFused } from '../../../src/fused/index.ts';
import { adam, chain, describeParameter, init, znorm } from '../../../src/index.ts';

const infos = [describeParameter('large/kernel', [300_001]), describeParameter('small/bias', [7])];

async function train(threads: number) {
  const transformation = chain(znorm(), adam({ learningRate: 0.1 }));
  const plan = planFused(transformation, infos);
  const memory = allocateUpdate(plan, { threads });
  const update = await createFusedUpdate(plan, memory, { threads });
  const parameters = Object.fromEntries(
    infos.map(({ path, shape }) => [path, { shape, data: memory.parameters[path] }]),
  );
  let state = init(transformation, parameters);
  for (let step = 0; step < 20; step++) {
    for (const { path } of infos) {
      memory.gradients[path].forEach((_, i, gradient) => {
        gradient[i] = Math.sin(i * (step + 1));
      });
    }
    ({ state } = update.step(state));
  }
  update.dispose();
  const bytes = infos.map(({ path }) => new Uint8Array(Float32Array.from(memory.parameters[path]).buffer));
  return { bytes, explanation: update.explanation };
}

async function found() {
  const [one, two] = [await train(1), await train(2)];
  return {
    threads: two.explanation.threads,
    differing: one.bytes.filter((own, i) => own.some((byte, k) => byte !== two.bytes[i][k])).length,
  };
}

const answer = await found().catch((error: Error) => ({ error: error.message }));
await fetch('/result', { method: 'POST', body: JSON.stringify(answer) });
