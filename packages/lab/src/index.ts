/**
 * The workbench as a library: everything the `znorm` command does, from code.
 *
 * @packageDocumentation
 */
export {
  type Artifact,
  type ComparisonConfig,
  type ComparisonResult,
  type Difference,
  type GradientSnapshot,
  type HistoryPoint,
  type LayerStatistics,
  type MethodResult,
  type Pairing,
  type RobustStatistics,
  type RunFailure,
  type SeedResult,
  withoutGradients,
} from './comparison.ts';
export { datasets } from './datasets/catalog.ts';
export type {
  DatasetDefinition,
  DatasetFile,
  ImageDataset,
  ImageSplit,
  Normalization,
  VerifiedFile,
} from './datasets/dataset-definition.ts';
export { type LoadOptions, loadImageDataset } from './datasets/image-dataset.ts';
export {
  type CachedSamples,
  cachedSamples,
  type ImportContext,
  type ImportedDataset,
  type ImportOptions,
  importDataset,
} from './datasets/imported-dataset.ts';
export { importedDatasets } from './datasets/imported-datasets.ts';
export { type GroupSplits, samplesOf, splitByPatient } from './datasets/patient-split.ts';
export {
  createSampleBatches,
  type SampleBatch,
  type SampleBatches,
  type SampleBatchSpec,
} from './datasets/sample-batches.ts';
export {
  createSampleWriter,
  openSamples,
  type SampleGroup,
  type SampleManifest,
  type SampleReader,
  type SampleWriter,
} from './datasets/sample-file.ts';
export type { DatasetSource, FetchProgress, NamedBytes, SourceContext } from './datasets/source.ts';
export { type StreamedBatches, streamBatches } from './datasets/streamed-batches.ts';
export { type ExpectedError, type ExpectedErrorCode, isExpectedError } from './expected-error.ts';
export type { Job, LaunchObserver } from './launch/local.ts';
export { type BuiltInMethod, builtInMethods, type Method, optimizers, readMethodsFile } from './methods.ts';
export type { Metric, MetricValues } from './metric.ts';
export { auroc } from './metrics/auroc.ts';
export { hausdorff95 } from './metrics/hausdorff.ts';
export {
  addOverlaps,
  dice,
  iou,
  type Overlap,
  overlap,
  precision,
  recall,
  tversky,
} from './metrics/overlap.ts';
export { evidenceTable, type RecordedResult, recipeTable } from './report/evidence.ts';
export { reportMarkdown } from './report/markdown.ts';
export { reportPage } from './report/page.ts';
export { terminalReport } from './report/terminal.ts';
export { verdict } from './report/verdict.ts';
export type { RunConfig, RunSettings } from './run/config.ts';
export type { RunFolder } from './run/folder.ts';
export type { RunProgress } from './run/train.ts';
export { bootstrapInterval } from './stats/bootstrap.ts';
export { holm } from './stats/holm.ts';
export { mean, meanInterval } from './stats/mean.ts';
export { interquartileMean, probabilityOfImprovement } from './stats/robust.ts';
export { signFlipTest, wilcoxonTest } from './stats/sign-flip.ts';
export { createComparison } from './sweep/comparison-folder.ts';
export { type ComparisonOptions, type ComparisonPlan, planComparison } from './sweep/plan.ts';
export { comparisonResult } from './sweep/result.ts';
export { type RunComparisonOptions, runComparison, type Work } from './sweep/run-comparison.ts';
export type { Recipe, SampleCounts, Unit } from './tasks/recipe.ts';
export type {
  Machine,
  Prepared,
  Preset,
  PresetName,
  Setting,
  Task,
  TaskConfig,
  Tested,
  TrainingTotal,
} from './tasks/task.ts';
export { tasks } from './tasks/tasks.ts';
