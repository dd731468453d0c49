// node save_model.mjs SOURCE [TARGET]: loads a model and, where a target is given, saves it there.
import * as keras from 'keras-wasm';

const [, , source, target] = process.argv;
const model = await keras.loadModel(source);
if (target !== undefined) await model.save(target);
