// Callbacks: order of hooks, EarlyStopping and its kind on scripted losses, the progress bar's text.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as keras from 'keras-wasm';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { callbacks } = keras;
before(() => keras.ready());

function line(learningRate = 0.1) {
  const model = keras.sequential({ layers: [keras.layers.dense({ units: 1, useBias: false, inputShape: [1] })] });
  model.setWeights([[[0]]]);
  model.compile({ optimizer: keras.optimizers.sgd({ learningRate }), loss: 'mse' });
  return model;
}
const weightOf = (model) => model.getWeights()[0].arraySync()[0][0];

/** Makes the loss of each epoch what the script says: sets the weight to what gives it (w = √loss for x = 1, y = 0). */
function scripted(model, losses) {
  return { onEpochBegin: (epoch) => void model.setWeights([[[Math.sqrt(losses[epoch])]]]) };
}
/** Trains on one sample whose loss follows the script; returns how many epochs ran. */
async function epochsUntilStopped(losses, callback) {
  const model = line(0);
  const { epoch } = await model.fit([[1]], [[0]], { epochs: losses.length, callbacks: [scripted(model, losses), callback] });
  return { epochs: epoch.length, model };
}

describe('Hooks', () => {
  test('are called in the order of Keras', async () => {
    const heard = [];
    const names = [
      'TrainBegin',
      'TrainEnd',
      'EpochBegin',
      'EpochEnd',
      'TrainBatchBegin',
      'TrainBatchEnd',
      'TestBegin',
      'TestEnd',
    ];
    const hooks = Object.fromEntries(
      [...names, 'TestBatchBegin', 'TestBatchEnd'].map((name) => [
        `on${name}`,
        (at) => void heard.push(typeof at === 'number' ? `${name} ${at}` : name),
      ]),
    );
    await line().fit([[1], [1]], [[0], [0]], { batchSize: 1, validationData: [[[1]], [[0]]], callbacks: [hooks] });
    assert.deepEqual(heard, [
      'TrainBegin',
      'EpochBegin 0',
      'TrainBatchBegin 0',
      'TrainBatchEnd 0',
      'TrainBatchBegin 1',
      'TrainBatchEnd 1',
      'TestBegin',
      'TestBatchBegin 0',
      'TestBatchEnd 0',
      'TestEnd',
      'EpochEnd 0',
      'TrainEnd',
    ]);
  });
  test('are waited for', async () => {
    let done = 0;
    const slow = { onEpochEnd: () => new Promise((resolve) => setTimeout(() => resolve(void done++), 5)) };
    await line().fit([[1]], [[0]], { epochs: 2, callbacks: slow });
    assert.equal(done, 2);
  });
  test('know model and params; classes and LambdaCallback work alike', async () => {
    const model = line();
    class Mine extends callbacks.Callback {
      onTrainBegin() {
        assert.equal(this.model, model);
        assert.deepEqual(this.params, { epochs: 3, steps: 2, verbose: 0 });
      }
      onEpochEnd() {
        this.model.stopTraining = true;
      }
    }
    let called = 0;
    const lambda = new callbacks.LambdaCallback({ onEpochEnd: () => void called++ });
    const { epoch } = await model.fit([[1], [1]], [[0], [0]], { batchSize: 1, epochs: 3, callbacks: [new Mine(), lambda] });
    assert.deepEqual([epoch, called], [[0], 1]);
  });
  test('may predict, evaluate and save while training runs', async () => {
    const model = line();
    const seen = [];
    await model.fit([[1]], [[2]], {
      callbacks: {
        async onEpochEnd() {
          seen.push(
            (await model.predict([[1]])).arraySync(),
            typeof (await model.evaluate([[1]], [[2]])),
            (await model.save()).length > 0,
          );
        },
      },
    });
    assert.deepEqual(seen.slice(1), ['number', true]);
  });
  test('that throw end the training with their error, and the model can be trained on', async () => {
    const model = line();
    const broken = {
      onTrainBatchEnd() {
        throw new RangeError('mine');
      },
    };
    await assert.rejects(model.fit([[1]], [[0]], { callbacks: broken }), /mine/);
    await model.fit([[1]], [[0]]);
  });
});

describe('History', () => {
  test('is returned and kept on the model', async () => {
    const model = line();
    const history = await model.fit([[1]], [[1]], { epochs: 3 });
    assert.ok(history instanceof callbacks.History);
    assert.equal(model.history, history);
    assert.deepEqual(history.epoch, [0, 1, 2]);
    assert.deepEqual(Object.keys(history.history), ['loss']);
  });
});

describe('EarlyStopping', () => {
  test('waits for `patience` epochs without improvement', async () => {
    const losses = [4, 1, 2, 3, 0.5, 5, 5, 5, 5];
    const run = async (args) =>
      (await epochsUntilStopped(losses, new callbacks.EarlyStopping({ monitor: 'loss', ...args }))).epochs;
    assert.equal(await run({}), 3);
    assert.equal(await run({ patience: 1 }), 3);
    assert.equal(await run({ patience: 2 }), 4);
    assert.equal(await run({ patience: 3 }), 8);
    assert.equal(await run({ patience: 9 }), 9);
    assert.equal(await run({ minDelta: 10, patience: 2 }), 3); // nothing improves by ten
    assert.equal(await run({ mode: 'max', patience: 3 }), 4);
    assert.equal(await run({ startFromEpoch: 4 }), 6);
    assert.equal(await run({ baseline: 0.6, patience: 3 }), 3); // 4, 1, 2 do not reach the baseline
  });
  test('restores the best weights', async () => {
    const stopping = new callbacks.EarlyStopping({ monitor: 'loss', patience: 2, restoreBestWeights: true });
    const { epochs, model } = await epochsUntilStopped([4, 1, 2, 3, 0.5], stopping);
    assert.deepEqual([epochs, stopping.stoppedEpoch, weightOf(model)], [4, 3, 1]);
  });
  test('ignores a metric that is not there, and says so', async (t) => {
    const warn = t.mock.method(console, 'warn', () => {});
    assert.equal((await epochsUntilStopped([1, 2, 3], new callbacks.EarlyStopping())).epochs, 3);
    assert.match(warn.mock.calls[0].arguments[0], /val_loss.*not available.*loss/);
  });
});

describe('Other callbacks', () => {
  test('ReduceLROnPlateau lowers the rate', async () => {
    const plateau = new callbacks.ReduceLROnPlateau({ monitor: 'loss', factor: 0.5, patience: 1, minLr: 0.1 });
    const model = line(0);
    const rates = [];
    model.optimizer.learningRate = 0.5;
    const { history } = await model.fit([[0]], [[1]], { epochs: 5, callbacks: [plateau, { onEpochEnd: () => void rates.push(model.optimizer.learningRate) }] }); // prettier-ignore
    assert.deepEqual(rates.map((r) => +r.toFixed(4)), [0.5, 0.25, 0.125, 0.1, 0.1]); // prettier-ignore
    assert.deepEqual(history.lr.map((r) => +r.toFixed(4)), [0.5, 0.5, 0.25, 0.125, 0.1]); // prettier-ignore
  });
  test('LearningRateScheduler sets it', async () => {
    const model = line(1);
    const schedule = new callbacks.LearningRateScheduler((epoch, rate) => (epoch === 0 ? rate : rate / 2));
    const { history } = await model.fit([[1]], [[1]], { epochs: 3, callbacks: schedule });
    assert.deepEqual(history.lr, [1, 0.5, 0.25]);
  });
  test('TerminateOnNaN stops', async (t) => {
    t.mock.method(console, 'warn', () => {});
    const model = line();
    model.setWeights([[[NaN]]]);
    const { epoch } = await model.fit([[1]], [[1]], { epochs: 5, callbacks: new callbacks.TerminateOnNaN() });
    assert.equal(epoch.length, 1);
  });
  test('ModelCheckpoint and CSVLogger write files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-callbacks-'));
    try {
      const model = line(0);
      await model.fit([[1]], [[0]], {
        epochs: 3,
        callbacks: [
          scripted(model, [4, 9, 1]),
          new callbacks.ModelCheckpoint({
            filepath: join(folder, '{epoch:02d}-{loss:.2f}.h5'),
            monitor: 'loss',
            saveBestOnly: true,
          }),
          new callbacks.CSVLogger(join(folder, 'log.csv')),
        ],
      });
      assert.deepEqual((await readdir(folder)).sort(), ['01-4.00.h5', '03-1.00.h5', 'log.csv']);
      assert.equal(weightOf(await keras.loadModel(join(folder, '01-4.00.h5'))), 2);
      const lines = (await readFile(join(folder, 'log.csv'), 'utf8')).split('\n');
      assert.deepEqual([lines.length, lines[0], lines[1]], [5, 'epoch,loss', '0,4']);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('The progress bar', () => {
  /** What a call writes to the terminal, without the times; in a process of its own, as the test runner writes to this one's. */
  async function printed(call) {
    const program = `import * as keras from 'keras-wasm'; await keras.ready(); ${line} await (${call})();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { cwd: ROOT });
    return stdout.replace(/\d+s \d+(s|ms|us)\/step/g, 'TIME');
  }
  test('is silent by default', async () => {
    assert.equal(await printed(() => line().fit([[1]], [[1]])), '');
  });
  test('looks like that of Keras', async () => {
    const text = await printed(() =>
      line(0).fit([[1], [1]], [[1], [3]], { batchSize: 1, shuffle: false, epochs: 2, verbose: 1 }),
    );
    const [first, last, ...rest] = text.split('\n');
    assert.equal(first, 'Epoch 1/2');
    assert.ok(last.endsWith('\r2/2 [==============================] - TIME - loss: 5.0000'), JSON.stringify(last));
    assert.ok(last.includes('\r1/2 [==============>...............] - ETA: '), JSON.stringify(last));
    assert.equal(rest[0], 'Epoch 2/2');
  });
  test('prints one line an epoch with verbose 2', async () => {
    const text = await printed(() => line(0).fit([[1]], [[1]], { epochs: 2, verbose: 2 }));
    assert.match(text, /^Epoch 1\/2\n1\/1 - \d+s - loss: 1\.0000 - \d+m?s\/epoch - \d+m?s\/step\nEpoch 2\/2\n/);
  });
  test('is shown by evaluate and predict, too', async () => {
    assert.match(await printed(() => line().evaluate([[1]], [[1]], { verbose: 1 })), /1\/1 \[=+\] - TIME - loss: 1\.0000/);
    assert.match(await printed(() => line().predict([[1]], { verbose: 1 })), /1\/1 \[=+\] - TIME *\n$/);
  });
});
