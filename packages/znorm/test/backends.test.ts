import { arraysCarrier } from './carriers/arrays.ts';
import { conformance } from './carriers/conformance.ts';
import { jaxCarrier, useJax } from './carriers/jax.ts';
import { tfjsCarrier, tfjsProgramsCarrier } from './carriers/tfjs.ts';

await useJax();

conformance(arraysCarrier);
conformance(tfjsCarrier);
conformance(tfjsProgramsCarrier);
conformance(jaxCarrier);
