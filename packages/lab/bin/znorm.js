#!/usr/bin/env node
import { existsSync } from 'node:fs';

const built = (path) => new URL(`../dist/${path}`, import.meta.url).href;
const words = process.argv.slice(2);

if (existsSync(new URL(built('cli/main.js')))) {
  const { prepareRunProcess, dismissRunProcess } = await import(built('launch/run-process.js'));
  // Before the modules of the command itself: on two cores, both processes load theirs at once.
  if (words[0] === 'compare' && !words.includes('--help') && !words.includes('-h')) prepareRunProcess();
  const { main } = await import(built('cli/main.js'));
  process.exitCode = await main(words);
  dismissRunProcess();
} else {
  console.error('znorm: this checkout is not built. Run `npm run build` (or `npm ci`) and try again.');
  process.exitCode = 2;
}
