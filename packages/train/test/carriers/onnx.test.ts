import { conformance } from '../../../znorm/test/carriers/conformance.ts';
import { onnxCarrier } from './onnx.ts';

conformance(onnxCarrier('native'));
conformance(onnxCarrier('wasm'));
