/** Writes a graph as an ONNX model with the official protobuf schema (`onnx.proto`). */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { Attribute, Body, Graph, Node, Origin, TensorData, Value } from './graph.ts';
import { nodeName } from './node-name.ts';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './onnx_pb.ts';

/** Operator set 21 (ONNX 1.16); ONNX Runtime 1.30 knows its optimizations for it. */
const operatorSet = 21n;
const irVersion = 10n;

const dataTypes = {
  float32: DataType.FLOAT,
  int64: DataType.INT64,
  int32: DataType.INT32,
  uint8: DataType.UINT8,
  bool: DataType.BOOL,
} as const;

/**
 * Serializes the graph.
 * @throws RangeError if nothing was named with `output`
 */
export function toModelBytes(graph: Graph): Uint8Array {
  if (graph.outputs.size === 0)
    throw new RangeError(
      'toModelBytes: expected at least one output, got none. Name results with output(value, name).',
    );
  const { nodes, used } = leadingToOutputs(graph);
  const { names, identities } = nameOutputs(graph);
  const origins = originsOf(graph, nodes);
  const inModel: Names = {
    value: (value) => (value ? (names.get(value) ?? value.name) : ''),
    node: (node) => nodeName(node.outputs[0].name, origins.get(node)),
  };
  const domains = new Set(
    nodes
      .flatMap(withBody)
      .map(({ domain }) => domain)
      .filter((domain) => domain !== ''),
  );
  const initializers = [...graph.initializers].filter(([value]) => used.has(value));

  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: '@znorm/train',
    opsetImport: [
      { domain: '', version: operatorSet },
      ...[...domains].map((domain) => ({ domain, version: 1n })),
    ],
    graph: {
      name: 'znorm',
      node: [...nodes.map((node) => nodeProto(node, inModel)), ...identities],
      initializer: initializers.map(([value, data]) => tensorProto(value, data)),
      input: graph.inputs.map((value) => valueInfo(value, value.name)),
      output: [...graph.outputs].map(([name, value]) => valueInfo(value, name)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** Only what the outputs need is written: one walk from the last node to the first. */
function leadingToOutputs(graph: Graph): { nodes: Node[]; used: Set<Value | undefined> } {
  const used = new Set<Value | undefined>(graph.outputs.values());
  const nodes = graph.nodes.toReversed().flatMap((node) => {
    if (!node.outputs.some((value) => used.has(value))) return [];
    for (const { inputs } of withBody(node)) for (const value of inputs) used.add(value);
    return withoutPositions(node, used);
  });
  return { nodes: nodes.reverse(), used };
}

/** Where maxima lie, only gradients ask: pooling without that takes half the time. */
function withoutPositions(node: Node, used: ReadonlySet<Value | undefined>): Node {
  const [y, positions] = node.outputs;
  return node.opType === 'MaxPool' && !used.has(positions) ? { ...node, outputs: [y] } : node;
}

/** A node that a rewrite added works for the node that first reads its result. */
function originsOf({ origins }: Graph, nodes: readonly Node[]): Map<Node, Origin> {
  const found = new Map<Node, Origin>();
  const readers = new Map<Value | undefined, Origin>();
  for (const node of nodes.flatMap(withBody).reverse()) {
    const origin = origins.get(node.outputs[0]) ?? readers.get(node.outputs[0]);
    if (!origin) continue;
    found.set(node, origin);
    for (const value of node.inputs) readers.set(value, origin);
  }
  return found;
}

/** The node, and those it runs. */
function withBody(node: Node): readonly Node[] {
  const inner = Object.values(node.attributes).flatMap((attribute) =>
    isBody(attribute) ? attribute.body.nodes.flatMap(withBody) : [],
  );
  return [node, ...inner];
}

/**
 * A computed value takes the name of its first output, so that it is written to the caller's buffer
 * directly; inputs, constants and second names are copied by an Identity node.
 */
function nameOutputs(graph: Graph) {
  const names = new Map<Value, string>();
  const identities: MessageInitShape<typeof NodeProtoSchema>[] = [];
  const fixed = new Set<Value>([...graph.inputs, ...graph.initializers.keys()]);
  for (const [name, value] of graph.outputs) {
    if (fixed.has(value) || names.has(value))
      identities.push({ opType: 'Identity', input: [names.get(value) ?? value.name], output: [name] });
    else names.set(value, name);
  }
  return { names, identities };
}

/** How values and nodes are called in the model. */
interface Names {
  readonly value: (value: Value | undefined) => string;
  readonly node: (node: Node) => string;
}

function nodeProto(node: Node, names: Names): MessageInitShape<typeof NodeProtoSchema> {
  return {
    name: names.node(node),
    opType: node.opType,
    domain: node.domain,
    input: node.inputs.map(names.value),
    output: node.outputs.map(names.value),
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value, names)),
  };
}

function attributeProto(
  name: string,
  value: Attribute,
  names: Names,
): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string')
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  if ('body' in value) return { name, type: AttributeType.GRAPH, g: bodyProto(name, value.body, names) };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

function bodyProto(
  name: string,
  { inputs, nodes, outputs }: Body,
  names: Names,
): MessageInitShape<typeof GraphProtoSchema> {
  return {
    name,
    node: nodes.map((node) => nodeProto(node, names)),
    input: inputs.map((value) => valueInfo(value, value.name)),
    output: outputs.map((value) => valueInfo(value, value.name)),
  };
}

function isBody(attribute: Attribute): attribute is { readonly body: Body } {
  return typeof attribute === 'object' && 'body' in attribute;
}

function tensorProto(value: Value, data: TensorData): MessageInitShape<typeof TensorProtoSchema> {
  return {
    name: value.name,
    dataType: dataTypes[value.dtype],
    dims: value.shape.map(BigInt),
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  };
}

function valueInfo(value: Value, name: string): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = value.shape.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } }));
  return {
    name,
    type: { value: { case: 'tensorType', value: { elemType: dataTypes[value.dtype], shape: { dim } } } },
  };
}
