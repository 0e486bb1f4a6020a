// node bench/peers/install.mjs
// Installs the JavaScript rivals of the benchmarks beside this file: TensorFlow.js on WebAssembly, jax-js, and the
// Node 24 that jax-js needs. PyTorch is not installed: benchmarks use the one they find (Debian: python3-torch).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
const { status } = spawnSync('npm', ['install', ...flags], { cwd, stdio: 'inherit' });
process.exit(status ?? 1);
