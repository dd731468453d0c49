// keras.io: models that are stored in the browser.
export { type StoredModelInfo, copyModel, listModels, moveModel, removeModel } from './indexeddb.js';
export type { Progress } from './files.js';
export type { CustomSource, ModelSource } from './source.js';
export type { CustomTarget, SaveFormat, SaveTarget } from './save.js';
