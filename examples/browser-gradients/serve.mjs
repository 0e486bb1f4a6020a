// node examples/browser-gradients/serve.mjs [--port 8080] [--images 6000] [--dataset fashion-mnist]
// Bundles the page, and serves it with images of Fashion-MNIST until it is stopped.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadImageDataset } from '@znorm/lab';
import { rolldown } from 'rolldown';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    images: { type: 'string', default: '6000' },
    dataset: { type: 'string', default: 'fashion-mnist' },
  },
});

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

async function bundled() {
  const bundle = await rolldown({ input: here('page.mjs'), platform: 'browser', logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  return output[0].code;
}

/** A byte of label, then the pixels, image after image. */
async function images() {
  const { train } = await loadImageDataset(values.dataset);
  const size = train.images.length / train.count;
  const count = Math.min(Number(values.images), train.count);
  const bytes = new Uint8Array(count * (1 + size));
  for (let i = 0; i < count; i++) {
    bytes[i * (1 + size)] = train.labels[i];
    bytes.set(train.images.subarray(i * size, (i + 1) * size), i * (1 + size) + 1);
  }
  return bytes;
}

const files = {
  '/': ['text/html; charset=utf-8', await readFile(here('index.html'))],
  '/page.js': ['text/javascript; charset=utf-8', await bundled()],
  '/images.bin': ['application/octet-stream', await images()],
};

const server = createServer(({ url }, response) => {
  const [type, body] = files[url] ?? ['text/plain', undefined];
  response.writeHead(body === undefined ? 404 : 200, { 'content-type': type });
  response.end(body);
});
server.listen(Number(values.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
