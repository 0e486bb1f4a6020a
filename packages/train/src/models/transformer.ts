import { gelu } from '../autodiff/activation.ts';
import { add, equal } from '../autodiff/arithmetic.ts';
import { gather } from '../autodiff/indexing.ts';
import { gemm } from '../autodiff/matmul.ts';
import { reshape, slice } from '../autodiff/shape.ts';
import { normal } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import { type AttentionContext, multiHeadAttention, type Steps } from '../layers/attention.ts';
import { dense } from '../layers/dense.ts';
import { dropout } from '../layers/dropout.ts';
import { layerNormalization, rmsNormalization } from '../layers/normalization.ts';
import type { Layer, Scope } from '../layers/scope.ts';
import { constant, emit, type Value } from '../onnx/graph.ts';

export interface TransformerOptions {
  /** How many tokens there are. */
  readonly vocabulary: number;
  /** Positions: the longest sequence. */
  readonly context: number;
  /** Blocks of attention and feed-forward. */
  readonly layers: number;
  /** Heads of each attention; must divide the width. */
  readonly heads: number;
  /** Numbers a position: D. */
  readonly width: number;
  /** Units of the feed-forward layers. @default 4 · width */
  readonly hidden?: number;
  /** Share that training sets to 0 of embeddings, attention weights and what each block adds. @default 0 */
  readonly dropout?: number;
  /** A learnt vector a position, or queries and keys turned by their position. @default 'learned' */
  readonly positions?: 'learned' | 'rotary';
  /** Layer or RMS normalization. @default 'layer' */
  readonly normalization?: 'layer' | 'rms';
  /** In the feed-forward layers. @default gelu */
  readonly activation?: Layer;
}

export interface LanguageModelOptions extends TransformerOptions {
  /** Uses the token embeddings for the output too, instead of a kernel of its own. @default false */
  readonly tied?: boolean;
}

export interface EncoderOptions extends TransformerOptions {
  /** The token that fills up short sequences: no position attends to it. @default none */
  readonly padding?: number;
}

export interface EncoderDecoderOptions extends LanguageModelOptions, EncoderOptions {
  /** How many tokens the source language has. @default vocabulary */
  readonly sourceVocabulary?: number;
}

/** From tokens, int64 or int32 [N, T], to logits [N, T, vocabulary]; `steps` is for generation token by token. */
export type LanguageModel = (tokens: Value, scope: Scope, steps?: Steps) => Value;

/**
 * A decoder-only transformer with normalization before each part (pre-LN), as GPT-2: the logits at position t are for
 * token t + 1 and depend on tokens up to t.
 *
 *     h = embedding(tokens) + positions
 *     h = h + attention(norm(h));  h = h + feedForward(norm(h))        in each layer
 *     logits = output(norm(h))
 *
 * Parameters: `embedding/table`, `positions/table`, `layer0/attentionNorm/…`, `layer0/attention/query/kernel`, …,
 * `layer0/feedForwardNorm/…`, `layer0/feedForward/expand/kernel`, …, `norm/…`, `output/kernel`.
 * Kernels and tables start normal with standard deviation s = 0.02 · √(768 / width), which is GPT-2's 0.02 at GPT-2's
 * width, and kernels that end a block with s / √(2 · layers).
 *
 * @throws RangeError for tokens that are not [N, T], or longer than the context
 * @see Radford et al. 2019, Language models are unsupervised multitask learners
 * @example
 * transformer({ vocabulary: 65, context: 128, layers: 4, heads: 4, width: 128 })
 */
export function transformer(options: LanguageModelOptions): LanguageModel {
  knownOptions('transformer', options, [...optionNames, 'tied']);
  return (tokens, scope, steps) => {
    const table = tokenTable(options.vocabulary, options, scope.child('embedding'));
    const h = stack('transformer', embed(tokens, table, options, scope, steps), options, scope, {
      causal: true,
      ...(steps && { steps }),
    });
    return logitsOf(h, table, options, scope);
  };
}

/**
 * A transformer encoder (pre-LN): from tokens [N, T] to one vector a position, [N, T, width], each of which has seen
 * the whole sequence but its padding.
 *
 * Parameters as in `transformer`, without `output`.
 *
 * @throws RangeError for tokens that are not [N, T], or longer than the context
 * @example
 * transformerEncoder({ vocabulary: 8000, context: 64, layers: 2, heads: 4, width: 128, padding: 0 })
 */
export function transformerEncoder(options: EncoderOptions): Layer {
  knownOptions('transformerEncoder', options, [...optionNames, 'padding']);
  return (tokens, scope) => {
    const table = tokenTable(options.vocabulary, options, scope.child('embedding'));
    return encode('transformerEncoder', tokens, table, options, scope);
  };
}

/** A transformer that reads a source and writes a target. */
export interface EncoderDecoder {
  /** Source tokens [N, S] → memory [N, S, width]. */
  encode(source: Value, scope: Scope): Value;
  /** Target tokens [N, T], with the memory of the source tokens → logits [N, T, vocabulary]. */
  decode(target: Value, memory: Value, source: Value, scope: Scope, steps?: Steps): Value;
}

/**
 * Encoder and decoder (pre-LN): the decoder's blocks attend to what is written so far, then to the source.
 *
 * Parameters: those of `transformerEncoder` under `encoder/`, of `transformer` under `decoder/`, and in each layer of
 * the decoder also `memoryNorm` and `memoryAttention`. `tied` shares the decoder's embeddings with its output.
 *
 * @throws RangeError for tokens that are not [N, T], or longer than the context
 * @see Vaswani et al. 2017, arXiv 1706.03762
 */
export function encoderDecoder(options: EncoderDecoderOptions): EncoderDecoder {
  knownOptions('encoderDecoder', options, [...optionNames, 'tied', 'padding', 'sourceVocabulary']);
  return {
    encode(source, parent) {
      const scope = parent.child('encoder');
      const vocabulary = options.sourceVocabulary ?? options.vocabulary;
      return encode(
        'encoderDecoder',
        source,
        tokenTable(vocabulary, options, scope.child('embedding')),
        options,
        scope,
      );
    },
    decode(target, memory, source, parent, steps) {
      const scope = parent.child('decoder');
      const table = tokenTable(options.vocabulary, options, scope.child('embedding'));
      const h = stack('encoderDecoder', embed(target, table, options, scope, steps), options, scope, {
        causal: true,
        memory,
        ...withMask(memoryMask(source, options.padding)),
        ...(steps && { steps }),
      });
      return logitsOf(h, table, options, scope);
    },
  };
}

function encode(where: string, tokens: Value, table: Value, options: EncoderOptions, scope: Scope): Value {
  const mask = memoryMask(tokens, options.padding);
  return stack(where, embed(tokens, table, options, scope), options, scope, {
    causal: false,
    ...withMask(mask),
  });
}

/** bool [N, 1, 1, S]: where the tokens are not padding. */
function memoryMask(tokens: Value, padding: number | undefined): Value | undefined {
  if (padding === undefined) return undefined;
  const [n, s] = tokens.shape as [number, number];
  const same =
    tokens.dtype === 'int32'
      ? constant(tokens.graph, Int32Array.of(padding))
      : constant(tokens.graph, BigInt64Array.of(BigInt(padding)));
  return reshape(emit(tokens.graph, 'Not', [equal(tokens, same)], {}, tokens.shape), [n, 1, 1, s]);
}

const withMask = (mask: Value | undefined) => (mask ? { mask } : {});

function tokenTable(vocabulary: number, { width }: TransformerOptions, scope: Scope): Value {
  return scope.parameter('table', [vocabulary, width], {
    role: 'embedding',
    initializer: normal({ std: firstDeviation(width) }),
  });
}

/**
 * A vector of unit variance makes scores and logits of the same size at any width. With 0.02 at width 64, attention
 * starts so flat that a network of 2 layers stood at 3.26 bits a character after 500 steps on Shakespeare instead of
 * 2.94.
 */
function firstDeviation(width: number): number {
  return 0.02 * Math.sqrt(768 / width);
}

function embed(tokens: Value, table: Value, options: TransformerOptions, scope: Scope, steps?: Steps): Value {
  const { context, width, positions = 'learned' } = options;
  const [, length] = tokens.shape;
  if (tokens.shape.length !== 2)
    throw new RangeError(`transformer: expected tokens of shape [N, T], got [${tokens.shape}].`);
  if (length > context)
    throw new RangeError(
      `transformer: expected at most ${context} tokens a sequence, got ${length}. Raise \`context\`, or cut the sequences.`,
    );
  const embedded = gather(table, tokens);
  if (positions === 'rotary') return embedded;
  const initializer = normal({ std: firstDeviation(width) });
  const all = scope
    .child('positions')
    .parameter('table', [context, width], { role: 'embedding', initializer });
  return add(embedded, steps ? gather(all, steps.positions) : slice(all, { axis: 0, end: length }));
}

interface StackContext {
  readonly causal: boolean;
  readonly memory?: Value;
  /** Of the memory; of the sequence itself where there is none. */
  readonly mask?: Value;
  readonly steps?: Steps;
}

function stack(
  where: string,
  x: Value,
  options: TransformerOptions,
  scope: Scope,
  context: StackContext,
): Value {
  const { layers, heads, width, dropout: rate = 0, positions = 'learned' } = options;
  if (!(Number.isInteger(layers) && layers >= 1) || width % heads !== 0)
    throw new RangeError(
      `${where}: expected \`layers\` >= 1 and \`heads\` that divide the width, got ${layers} layers, ${heads} heads and width ${width}.`,
    );
  const { causal, memory, mask, steps } = context;
  const normalize = options.normalization === 'rms' ? rmsNormalization() : layerNormalization();
  const drop = dropout({ rate });
  const std = firstDeviation(width);
  const initializers = {
    initializer: normal({ std }),
    outputInitializer: normal({ std: std / Math.sqrt(2 * layers) }),
  };
  const shared = { heads, dropout: rate, ...initializers };
  const attend = multiHeadAttention({ ...shared, causal, rotary: positions === 'rotary' });
  const attendToMemory = multiHeadAttention(shared);
  const feed = feedForward(options, initializers);

  /** h + part(norm(h)) */
  const block = (h: Value, at: Scope, name: string, part: (x: Value, scope: Scope) => Value) => {
    const added = part(normalize(h, at.child(`${name}Norm`)), at.child(name));
    return add(h, drop(added, at.child(`${name}Dropout`)));
  };
  const own: AttentionContext = { ...(steps && { steps }), ...(!memory && withMask(mask)) };
  let h = drop(x, scope.child('dropout'));
  for (let i = 0; i < layers; i++) {
    const at = scope.child(`layer${i}`);
    h = block(h, at, 'attention', (y, s) => attend(y, s, own));
    if (memory)
      h = block(h, at, 'memoryAttention', (y, s) => attendToMemory(y, s, { memory, ...withMask(mask) }));
    h = block(h, at, 'feedForward', feed);
  }
  return normalize(h, scope.child('norm'));
}

function feedForward(
  { width, hidden = 4 * width, activation = (x) => gelu(x) }: TransformerOptions,
  { initializer, outputInitializer }: Record<'initializer' | 'outputInitializer', ReturnType<typeof normal>>,
): Layer {
  const expand = dense({ units: hidden, initializer });
  const contract = dense({ units: width, initializer: outputInitializer });
  return (x, scope) => {
    const rows = reshape(x, [-1, width]);
    const inner = activation(expand(rows, scope.child('expand')), scope.child('activation'));
    return reshape(contract(inner, scope.child('contract')), x.shape);
  };
}

/** Logits for each position: h · kernelᵀ, without a bias. */
function logitsOf(h: Value, table: Value, options: LanguageModelOptions, scope: Scope): Value {
  const { vocabulary, width, tied = false } = options;
  const rows = reshape(h, [-1, width]);
  const kernel = tied
    ? table
    : scope.child('output').parameter('kernel', [vocabulary, width], {
        role: 'kernel',
        initializer: normal({ std: firstDeviation(width) }),
      });
  return reshape(gemm(rows, kernel, { transB: true }), [h.shape[0], h.shape[1], vocabulary]);
}

const optionNames: readonly (keyof TransformerOptions)[] = [
  'vocabulary',
  'context',
  'layers',
  'heads',
  'width',
  'hidden',
  'dropout',
  'positions',
  'normalization',
  'activation',
];
