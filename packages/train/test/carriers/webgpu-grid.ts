/** Runs in a process of its own: chains of the grid on WebGPU, named by the first argument; prints their errors. */
import { errorsOnOnnx } from './grid.ts';

const errors: Record<string, Record<string, number>> = {};
for (const name of JSON.parse(process.argv[2]!) as string[])
  errors[name] = await errorsOnOnnx(name, 'webgpu');
console.log(JSON.stringify(errors));
process.exit(0);
