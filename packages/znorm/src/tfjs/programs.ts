import * as tf from '@tensorflow/tfjs-core';
import { type ArrayTensor, arrays } from '../backends/arrays.ts';
import { sizeOf } from '../parameters.ts';
import type { Operand } from '../tensor-ops.ts';
import type { ElementOperation, Program, Reference } from './expression.ts';

const kernelName = 'ZnormElements';

/** How many tensors a program may read: WebGPU promises eight buffers to a shader, one of which is written. */
export const mostInputs = 7;

/** Whether the current backend runs programs. Others run one operation after the other. */
export function runsPrograms(): boolean {
  return Object.hasOwn(runners, tf.getBackend());
}

/** One kernel of the current backend. */
export function runProgram(program: Program): tf.Tensor {
  const backend = tf.getBackend();
  if (!tf.getKernel(kernelName, backend)) {
    tf.registerKernel({
      kernelName,
      backendName: backend,
      kernelFunc: ({ inputs, attrs, backend: running }) =>
        runners[backend](
          (attrs as unknown as Attributes).program,
          Object.values(inputs) as TensorInfo[],
          running,
        ),
    });
  }
  // A tensor of one element is broadcast whatever its rank.
  const inputs = program.inputs.map((x) => (x.size === 1 && x.rank > 0 ? tf.reshape(x, []) : x));
  const named = Object.fromEntries(inputs.map((x, i) => [`x${i}`, x]));
  const attributes: Attributes = { program };
  return tf.engine().runKernel(kernelName, named, attributes as unknown as tf.NamedAttrMap);
}

interface Attributes {
  readonly program: Program;
}

type TensorInfo = Pick<tf.TensorInfo, 'dataId' | 'shape' | 'dtype'>;
type Runner = (program: Program, inputs: readonly TensorInfo[], backend: unknown) => tf.TensorInfo;

const runners: Readonly<Record<string, Runner>> = {
  cpu: onProcessor,
  webgl: (program, inputs, backend) => {
    const names = inputs.map((_, i) => `x${i}`);
    const shader = {
      variableNames: names,
      outputShape: [...program.shape],
      customUniforms: program.numbers.map((_, i) => ({ name: `n${i}`, type: 'float' })),
      userCode: `void main() {
${names.map((name, i) => `float i${i} = get${name.toUpperCase()}AtOutCoords();`).join('\n')}
${lines(program, 'float', glsl)}
setOutput(t${program.lines.length - 1});
}`,
    };
    const values = program.numbers.map((value) => [value]);
    return (backend as WebglBackend).compileAndRun(shader, inputs, 'float32', values);
  },
  webgpu: (program, inputs, backend) => {
    const names = inputs.map((_, i) => `x${i}`);
    const userCode = `fn isNoNumber(x : f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn main(index : i32) {
if (index < uniforms.size) {
${names.map((name, i) => `let i${i} = get${name.toUpperCase()}ByOutputIndex(index);`).join('\n')}
${program.numbers.map((_, i) => `let n${i} = uniforms.n${i};`).join('\n')}
${lines(program, 'let', wgsl)}
setOutputAtIndex(index, t${program.lines.length - 1});
}}`;
    const size = sizeOf(program.shape);
    const shader = {
      variableNames: names,
      outputShape: [...program.shape],
      uniforms: program.numbers.map((_, i) => `n${i} : f32,`).join(' '),
      workgroupSize: [64, 1, 1],
      dispatchLayout: { x: program.shape.map((_, axis) => axis) },
      dispatch: [Math.max(1, Math.ceil(size / 64)), 1, 1],
      shaderKey: userCode,
      size: true,
      getUserCode: () => userCode,
    };
    const values = program.numbers.map((value) => ({ type: 'float32', data: [value] }));
    return (backend as WebgpuBackend).runWebGPUProgram(shader, inputs, 'float32', values);
  },
};

interface WebglBackend {
  compileAndRun(shader: object, inputs: readonly object[], dtype: string, values: number[][]): tf.TensorInfo;
}

interface WebgpuBackend {
  runWebGPUProgram(shader: object, inputs: readonly object[], dtype: string, values: object[]): tf.TensorInfo;
}

/** An operation in the language of a shader. */
type Language = Readonly<Record<ElementOperation, (...operands: string[]) => string>>;

function lines(program: Program, declare: string, language: Language): string {
  const letters = { inputs: 'i', lines: 't', numbers: 'n' } as const;
  const name = ({ from, index }: Reference) => `${letters[from]}${index}`;
  return program.lines
    .map(({ operation, operands }, i) => `${declare} t${i} = ${language[operation](...operands.map(name))};`)
    .join('\n');
}

const largestFloat32 = '3.4028234663852886e38';

const arithmetic = {
  same: (a) => a,
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  sqrt: (a) => `sqrt(${a})`,
  abs: (a) => `abs(${a})`,
} satisfies Partial<Language>;

/** `isnan` is TensorFlow.js's own, by bits: compilers may assume that there is no NaN. */
const glsl: Language = {
  ...arithmetic,
  maximum: (a, b) => `isnan(${a}) ? ${a} : isnan(${b}) ? ${b} : max(${a}, ${b})`,
  minimum: (a, b) => `isnan(${a}) ? ${a} : isnan(${b}) ? ${b} : min(${a}, ${b})`,
  sign: (a) => `isnan(${a}) ? ${a} : sign(${a})`,
  lessEqual: (a, b) => `isnan(${a}) || isnan(${b}) ? 0.0 : ${a} <= ${b} ? 1.0 : 0.0`,
  isFinite: (a) => `!isnan(${a}) && abs(${a}) <= ${largestFloat32} ? 1.0 : 0.0`,
  where: (condition, a, b) => `${condition} != 0.0 ? ${a} : ${b}`,
};

const wgsl: Language = {
  ...arithmetic,
  maximum: (a, b) => `select(select(max(${a}, ${b}), ${b}, isNoNumber(${b})), ${a}, isNoNumber(${a}))`,
  minimum: (a, b) => `select(select(min(${a}, ${b}), ${b}, isNoNumber(${b})), ${a}, isNoNumber(${a}))`,
  sign: (a) => `select(sign(${a}), ${a}, isNoNumber(${a}))`,
  lessEqual: (a, b) => `select(0.0, 1.0, ${a} <= ${b} && !isNoNumber(${a}) && !isNoNumber(${b}))`,
  isFinite: (a) => `select(0.0, 1.0, (bitcast<u32>(${a}) & 0x7f800000u) != 0x7f800000u)`,
  where: (condition, a, b) => `select(${b}, ${a}, ${condition} != 0.0)`,
};

/** On the cpu backend, with the operations on plain arrays: programs are as right there as anywhere. */
function onProcessor(program: Program, inputs: readonly TensorInfo[], backend: unknown): tf.TensorInfo {
  const { data, makeTensorInfo } = backend as ProcessorBackend;
  const values = {
    inputs: inputs.map((x) => ({ shape: x.shape, data: data.get(x.dataId).values as Float32Array })),
    numbers: program.numbers,
    lines: [] as ArrayTensor[],
  };
  const of = ({ from, index }: Reference): Operand<ArrayTensor> => values[from][index];
  for (const { operation, operands } of program.lines) {
    const [a, b, c] = operands.map(of);
    values.lines.push(onArrays(operation, a, b, c));
  }
  const whole = arrays.full(program.shape, 0);
  // −0 + 0 would be 0; float32 wins over float64.
  const result = arrays.where(arrays.full(program.shape, 1), values.lines.at(-1)!, whole);
  return makeTensorInfo.call(backend, [...program.shape], 'float32', result.data);
}

interface ProcessorBackend {
  readonly data: { get(dataId: object): { readonly values: unknown } };
  makeTensorInfo(shape: number[], dtype: string, values: unknown): tf.TensorInfo;
}

function onArrays(
  operation: ElementOperation,
  a: Operand<ArrayTensor>,
  b: Operand<ArrayTensor>,
  c: Operand<ArrayTensor>,
): ArrayTensor {
  const tensor = typeof a === 'number' ? arrays.full([], a) : a;
  switch (operation) {
    case 'same':
      return tensor;
    case 'where':
      return arrays.where(tensor, b, c);
    case 'sqrt':
    case 'abs':
    case 'sign':
    case 'isFinite':
      return arrays[operation](tensor);
    default:
      return arrays[operation](a, b);
  }
}
