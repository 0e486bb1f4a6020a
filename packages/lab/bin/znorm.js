#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(entry)) {
  console.error('znorm: this checkout is not built. Run `npm run build` (or `npm ci`) and try again.');
  process.exit(2);
}
await import(entry.href);
