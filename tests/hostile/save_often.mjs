// node save_often.mjs SOURCE TARGET TIMES: loads a model and saves it as often; the weights alone, in a checkpoint, if the target is
// named ckpt.
import * as keras from 'keras-wasm';

const [, , source, target, times] = process.argv;
const model = await keras.loadModel(source);
for (let i = 0; i < Number(times); i++) {
  if (target.endsWith('ckpt')) await model.saveWeights(target);
  else await model.save(target);
}
