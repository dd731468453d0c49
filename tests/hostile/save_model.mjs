// node save_model.mjs SOURCE [TARGET]: loads a model and, where a target is given, saves it there; as the weights alone, in a
// checkpoint, if the target is named ckpt.
import * as keras from 'keras-wasm';

const [, , source, target] = process.argv;
const model = await keras.loadModel(source);
if (target?.endsWith('ckpt')) await model.saveWeights(target);
else if (target !== undefined) await model.save(target);
