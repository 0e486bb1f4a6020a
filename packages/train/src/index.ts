export type { Augmentation, Normalization } from './augmentation.ts';
export {
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  prelu,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
} from './autodiff/activation.ts';
export {
  abs,
  add,
  cast,
  clip,
  div,
  equal,
  exp,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  sqrt,
  square,
  sub,
  where,
} from './autodiff/arithmetic.ts';
export { type AttentionOptions, attention } from './autodiff/attention.ts';
export { type FocalLossOptions, focalLoss, sigmoidCrossEntropy } from './autodiff/binary-loss.ts';
export type { Operand } from './autodiff/broadcast.ts';
export {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv2d,
  convTranspose2d,
} from './autodiff/convolution.ts';
export { type CrossEntropyOptions, softmaxCrossEntropy } from './autodiff/cross-entropy.ts';
export { gradients } from './autodiff/gradients.ts';
export { type GroupNormOptions, groupNorm } from './autodiff/group-normalization.ts';
export { gather } from './autodiff/indexing.ts';
export { layerNorm, rmsNorm } from './autodiff/layer-norm.ts';
export { huberLoss, meanSquaredError } from './autodiff/loss.ts';
export { type GemmOptions, gemm, matmul } from './autodiff/matmul.ts';
export { type BatchNormResult, batchNorm, batchNormInference } from './autodiff/normalization.ts';
export {
  diceLoss,
  type OverlapLossOptions,
  type TverskyLossOptions,
  tverskyLoss,
} from './autodiff/overlap-loss.ts';
export {
  averagePool2d,
  globalAveragePool,
  globalMaxPool,
  maxPool2d,
  type PoolOptions,
} from './autodiff/pooling.ts';
export {
  type ReduceOptions,
  reduceL1,
  reduceL2,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  reduceSumSquare,
} from './autodiff/reduction.ts';
export { type ResizeOptions, resize } from './autodiff/resize.ts';
export { type RotaryOptions, rotary } from './autodiff/rotary.ts';
export {
  concat,
  expand,
  type PadOptions,
  pad,
  reshape,
  type SliceOptions,
  slice,
  split,
  transpose,
} from './autodiff/shape.ts';
export type { Pads, Pair, WindowOptions } from './autodiff/window.ts';
export type { Batch, InputSpec, InputSpecs } from './batch.ts';
export {
  type BatchOptions,
  batchesInOrder,
  channelStatistics,
  createTrainingBatches,
  type LabelledBatch,
  type LabelledImages,
  type TrainingBatches,
  type TrainingBatchOptions,
} from './batches.ts';
export { type ClassificationOptions, classification, type Loss } from './classification.ts';
export { createDigest, type Digest } from './digest.ts';
export { type BeamSearchOptions, beamSearch } from './generation/beam-search.ts';
export { type GenerateOptions, generate } from './generation/generate.ts';
export { type SamplingOptions, sampleCategorical } from './generation/sampling.ts';
export {
  createStepper,
  type LearntParameters,
  type Stepper,
  type StepperOptions,
} from './generation/stepper.ts';
export {
  fanInUniform,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  normal,
  ones,
  zeros,
} from './initializers.ts';
export {
  type AttentionContext,
  type MultiHeadAttention,
  type MultiHeadAttentionOptions,
  multiHeadAttention,
  type Steps,
} from './layers/attention.ts';
export { type ConvolutionOptions, convolution } from './layers/convolution.ts';
export { type DenseOptions, dense } from './layers/dense.ts';
export { dropout } from './layers/dropout.ts';
export { type EmbeddingOptions, embedding } from './layers/embedding.ts';
export {
  type GroupNormalizationOptions,
  groupNormalization,
  instanceNormalization,
} from './layers/group-normalization.ts';
export {
  type BatchNormalizationOptions,
  batchNormalization,
  layerNormalization,
  rmsNormalization,
} from './layers/normalization.ts';
export type { NormalizationKind } from './layers/normalized-convolution.ts';
export { type GruOptions, gru } from './layers/recurrent.ts';
export type { Layer, ParameterOptions, Scope } from './layers/scope.ts';
export { flatten, residual, sequential } from './layers/sequential.ts';
export {
  type TransposedConvolutionOptions,
  transposedConvolution,
} from './layers/transposed-convolution.ts';
export { type CnnOptions, cnn } from './models/cnn.ts';
export { type DensenetOptions, densenet } from './models/densenet.ts';
export { type MlpOptions, mlp } from './models/mlp.ts';
export {
  type PreactivationResnetOptions,
  preactivationResnet,
} from './models/preactivation-resnet.ts';
export { type ResnetOptions, resnet } from './models/resnet.ts';
export {
  type EncoderDecoder,
  type EncoderDecoderOptions,
  type EncoderOptions,
  encoderDecoder,
  type LanguageModel,
  type LanguageModelOptions,
  type TransformerOptions,
  transformer,
  transformerEncoder,
} from './models/transformer.ts';
export { type UnetOptions, unet } from './models/unet.ts';
export { type VggOptions, vgg } from './models/vgg.ts';
export { isNonFinite, type NonFiniteError } from './nonfinite-error.ts';
export type { Built, Objective } from './objective.ts';
export {
  constant,
  createGraph,
  type DType,
  emit,
  emitMany,
  type Graph,
  input,
  output,
  type TensorData,
  type Value,
} from './onnx/graph.ts';
export { toModelBytes } from './onnx/model.ts';
export {
  fillNormal,
  fillUniform,
  integer,
  permutation,
  type RandomStream,
  randomStream,
  uniform,
} from './random.ts';
export { type Engine, resolveEngine } from './runtime/engine.ts';
export { createSession, type Session, type SessionOptions, type TensorView } from './runtime/session.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsContent,
  type StoredArray,
  type StoredTensor,
} from './safetensors.ts';
export { type SegmentationOptions, segmentation } from './segmentation.ts';
export {
  drawWarp,
  type SpatialAugmentation,
  type Warp,
  type WarpedPlanes,
  warp,
} from './spatial-augmentation.ts';
export { parametersOf } from './step-graph.ts';
export type { Measured } from './step-run.ts';
export {
  createTrainer,
  type Evaluation,
  type GradientStep,
  type StepResult,
  type Trainer,
  type TrainerOptions,
} from './trainer.ts';
