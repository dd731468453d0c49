// keras.savedModel: SavedModels as graphs, without Keras's classes.
import { native, ready } from '../engine/index.js';
import { runLoader, type ReadOptions } from '../io/load.js';
import type { HttpOptions } from '../io/http.js';
import { type ModelSource, openSource } from '../io/source.js';
import { enqueue } from '../models/queue.js';
import { type LoadedGraph, restore } from './restored.js';

export type { LoadedGraph, RestoredFunction } from './restored.js';

export interface LoadGraphOptions extends ReadOptions, HttpOptions {
  /** Which graph of the file. Default: the only one, or `['serve']`. */
  tags?: readonly string[];
  /** Loads although functions need ops that are not implemented; calling one of those throws. Default: false. */
  allowMissingOps?: boolean;
}

/**
 * Loads a SavedModel as TensorFlow's graph: variables and the functions that were traced, under the names of the attributes
 * that held them. Needs no Keras classes and no custom objects, and runs what TensorFlow traced.
 * @param source  a folder or a zip of one; see `loadModel`
 * @throws {UnimplementedError} ops that are not implemented: all of them, each with function and node
 * @throws {NotFoundError} no graph with these tags; a file is missing
 * @throws {DataLossError} a file is broken
 * @example
 * const loaded = await keras.savedModel.load('saved_model_folder');
 * const { output_0: y } = loaded.signatures.serving_default({ input_1: keras.tensor([[1, 2]]) });
 */
export async function load(source: ModelSource, options: LoadGraphOptions = {}): Promise<LoadedGraph> {
  await ready();
  const opened = await openSource(source, options);
  try {
    return await enqueue(async () => {
      const loader = native().graphLoader([...(options.tags ?? [])], options.allowMissingOps ?? false);
      try {
        await runLoader(loader, opened, options);
        const { graph, description, variables } = native().loaderFinish(loader);
        return restore(graph as number, description as string, variables ?? []);
      } finally {
        native().releaseLoader(loader);
      }
    });
  } finally {
    await opened.close?.();
  }
}
