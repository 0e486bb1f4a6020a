/**
 * Imports point down. Each package lists its floors from the ground up; a file may import from its own floor and
 * from lower ones. Packages: lab → train → znorm.
 */
const packages = ['znorm', 'train', 'lab'];

const floors = {
  znorm: [
    'option-checks|parameters|tensor-ops',
    'select|schedules|cycle-schedules|decay-schedules|backends/',
    'transformation',
    'stages|transforms/',
    'update-tensors|adjustable-schedules',
    'apply|evaluation-params|optimizer-parts|optimizers|adaptive-optimizers|layerwise-optimizers|inspect/',
    'chain-json|fused/',
    'tfjs/|jax/|onnx/',
    'index',
  ],
  train: [
    'batch|known-options|random|digest|safetensors|memory|onnx/|runtime/',
    'initializers|augmentation|spatial-augmentation|autodiff/',
    'batches|layers/',
    'objective',
    'classification|segmentation|models/|step-graph|training-state',
    'checkpoint|checkpoint-file|padding|step-run|update-graph|nonfinite-error|generation/',
    'graph-update|evaluation-source',
    'trainer|profile',
    'index|node',
  ],
  lab: [
    'did-you-mean|expected-error|metric|text/',
    'comparison|machine',
    'datasets/|environments/|metrics/|stats/|methods|models',
    'reinforcement/|report/',
    'tasks/',
    'run/',
    'launch/',
    'sweep/',
    'cli/',
    'index',
  ],
};

const upwardBetweenPackages = packages.map((name, level) => ({
  name: `${name}-imports-no-package-above`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: `^packages/(${packages.slice(level + 1).join('|') || '-'})/` },
}));

const upwardWithinPackages = Object.entries(floors).flatMap(([name, levels]) =>
  levels.slice(0, -1).map((level, index) => ({
    name: `${name}-floor-${index + 1}-imports-no-floor-above`,
    severity: 'error',
    from: { path: `^packages/${name}/src/(${filesOf(level)})` },
    to: {
      path: `^packages/${name}/src/(${levels
        .slice(index + 1)
        .map(filesOf)
        .join('|')})`,
    },
  })),
);

function filesOf(level) {
  return level
    .split('|')
    .map((entry) => (entry.endsWith('/') ? entry : `${entry}\\.ts$`))
    .join('|');
}

const everyFloor = (name) => floors[name].map(filesOf).join('|');

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-file-named-after-a-kind',
      comment: 'Name a file after the thing in it.',
      severity: 'error',
      from: {},
      to: { path: '^packages/[^/]+/src/.*(types|utils?|helpers?|common|constants|interfaces|misc)\\.ts$' },
    },
    ...Object.keys(floors).map((name) => ({
      name: `${name}-has-a-floor-for-every-file`,
      comment: 'Give a new file or folder its floor in .dependency-cruiser.cjs.',
      severity: 'error',
      from: { path: `^packages/${name}/src/`, pathNot: `^packages/${name}/src/(${everyFloor(name)})` },
      to: {},
    })),
    ...upwardBetweenPackages,
    ...upwardWithinPackages,
  ],
  options: {
    doNotFollow: { path: 'node_modules|/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
