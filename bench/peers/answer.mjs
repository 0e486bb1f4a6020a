// The protocol of ../peer.ts, for rivals in Node.
import { createInterface } from 'node:readline';

/** Says that it is ready, then takes as many steps as each line asks for and answers what they took. */
export async function answer(step) {
  console.log('"ready"');
  for await (const line of createInterface({ input: process.stdin })) {
    const times = [];
    for (let i = 0; i < Number(line); i++) {
      const start = performance.now();
      await step();
      times.push(performance.now() - start);
    }
    console.log(JSON.stringify(times));
  }
  // Worker threads of a rival would keep its process alive.
  process.exit(0);
}
