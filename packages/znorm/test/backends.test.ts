import { arraysCarrier } from './carriers/arrays.ts';
import { conformance } from './carriers/conformance.ts';
import { jaxCarrier, useJax } from './carriers/jax.ts';
import { tfjsCarrier } from './carriers/tfjs.ts';

await useJax();

conformance(arraysCarrier);
conformance(tfjsCarrier);
conformance(jaxCarrier);
