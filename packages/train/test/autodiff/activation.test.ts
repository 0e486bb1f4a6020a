import * as op from '../../src/autodiff/activation.ts';
import { checkOperator } from './operator-check.ts';

const x = { shape: [3, 4], low: -3, high: 3 };

checkOperator({ name: 'relu', inputs: { x }, build: ({ x }) => op.relu(x) });
checkOperator({ name: 'leakyRelu', inputs: { x }, build: ({ x }) => op.leakyRelu(x) });
checkOperator({
  name: 'leakyRelu, slope 0.3',
  inputs: { x },
  build: ({ x }) => op.leakyRelu(x, { slope: 0.3 }),
});
checkOperator({ name: 'sigmoid', inputs: { x }, build: ({ x }) => op.sigmoid(x) });
checkOperator({ name: 'tanh', inputs: { x }, build: ({ x }) => op.tanh(x) });
checkOperator({ name: 'softplus', inputs: { x }, build: ({ x }) => op.softplus(x) });
checkOperator({ name: 'logSigmoid', inputs: { x }, build: ({ x }) => op.logSigmoid(x) });
checkOperator({ name: 'elu', inputs: { x }, build: ({ x }) => op.elu(x) });
checkOperator({ name: 'elu, alpha 0.3', inputs: { x }, build: ({ x }) => op.elu(x, { alpha: 0.3 }) });
checkOperator({ name: 'selu', inputs: { x }, build: ({ x }) => op.selu(x) });
checkOperator({ name: 'mish', inputs: { x }, build: ({ x }) => op.mish(x) });
checkOperator({ name: 'softsign', inputs: { x }, build: ({ x }) => op.softsign(x) });
const wide = { shape: [3, 8], low: -8, high: 8 };
checkOperator({ name: 'hardSigmoid', inputs: { x: wide }, build: ({ x }) => op.hardSigmoid(x) });
checkOperator({ name: 'hardSwish', inputs: { x: wide }, build: ({ x }) => op.hardSwish(x) });
checkOperator({ name: 'relu6', inputs: { x: wide }, build: ({ x }) => op.relu6(x) });
checkOperator({
  name: 'prelu, one slope a channel',
  inputs: { x: { shape: [2, 3, 4] }, slope: { shape: [3, 1] } },
  build: ({ x, slope }) => op.prelu(x, slope),
});
checkOperator({ name: 'silu', inputs: { x }, build: ({ x }) => op.silu(x) });
checkOperator({ name: 'gelu', inputs: { x }, build: ({ x }) => op.gelu(x) });
checkOperator({ name: 'gelu by tanh', inputs: { x }, build: ({ x }) => op.gelu(x, { approximate: 'tanh' }) });
checkOperator({ name: 'softmax', inputs: { x }, build: ({ x }) => op.softmax(x) });
checkOperator({ name: 'softmax along axis 0', inputs: { x }, build: ({ x }) => op.softmax(x, { axis: 0 }) });
checkOperator({ name: 'logSoftmax', inputs: { x }, build: ({ x }) => op.logSoftmax(x) });
checkOperator({
  name: 'logSoftmax along axis 1 of 3',
  inputs: { x: { shape: [2, 3, 2] } },
  build: ({ x }) => op.logSoftmax(x, { axis: 1 }),
});
