// What the engine's bindings (wasm/*.cc) offer, as TypeScript sees it. Nothing else in js/ calls the engine by another way.

import type { NativeIo } from './io_native.js';

/** A tensor as it crosses: one copy of its bytes; strings as one block and their lengths. */
export interface NativeTensor {
  dtype: number;
  shape: number[];
  data: Uint8Array;
  lengths?: ArrayLike<number>;
}
export type NativeShape = (number | null)[] | null;
export interface NativeVariable {
  id: number;
  name: string;
  dtype: number;
  shape: number[];
  trainable: boolean;
}
/** A symbolic tensor of a Functional model. */
export interface NativeKerasTensor {
  layer: number;
  node: number;
  tensor: number;
  shape: NativeShape;
  dtype: string;
}
/** A symbolic tensor of a call that is being traced. */
export interface NativeGraphTensor {
  graph: number;
  node: number;
  output: number;
  shape: NativeShape;
  dtype: string;
}
/** What an op inside a traced call takes. */
export type NativeOperand = { graph: number; node: number; output: number } | { variable: number } | NativeTensor;
export interface NativeNode {
  inputs: NativeKerasTensor[];
  shapes: NativeShape[];
  dtypes: string[];
  outputsAreList: boolean;
}
export type NativeStructure = 'single' | 'list' | string[];
export interface NativeModelInfo {
  layers: number[];
  nodes: [layer: number, node: number][];
  /** Whether it is a graph of layers between `inputs` and `outputs`, which others have not. */
  isGraph: boolean;
  inputs: NativeKerasTensor[];
  outputs: NativeKerasTensor[];
  inputStructure: NativeStructure;
  outputStructure: NativeStructure;
}
/** What a step needs to know of its model; `inputs` only where it is a graph of layers. */
export interface NativeSignature {
  /** Whether names and structures of inputs and outputs are known. */
  isKnown: boolean;
  inputs: { shape: NativeShape; dtype: string }[];
  inputNames: string[];
  outputNames: string[];
  outputStructure: NativeStructure;
}
export interface NativeLayerState {
  name: string;
  className: string;
  dtype: string;
  trainable: boolean;
  built: boolean;
  isModel: boolean;
}
/** One object of a tree: what the engine has a number for, or a container with children by the numbers of their nodes. */
export type NativeTrackedNode =
  | {
      layer: number;
    }
  | { variable: number }
  | { optimizer: number }
  | {
      kind: string;
      children: [name: string, node: number][];
    };
export interface NativeTrackedTree {
  nodes: NativeTrackedNode[];
  root: number;
  /** Children of the root beside its own. */
  attached: [name: string, node: number][];
}
/** What the call of a custom layer returned. */
export interface NativeCallResult {
  outputs: NativeOperand[];
  structure: NativeStructure;
}
/** What the engine calls on the object of a custom layer. */
export interface NativeLayerObject {
  _build(shapes: NativeShape[]): void;
  _call(inputs: NativeGraphTensor[], structure: NativeStructure, training: boolean): NativeCallResult;
  _configText(): string;
  _expectsTraining(): boolean;
  _tracked(): NativeTrackedTree;
}
export interface NativeWeightOptions {
  shape: NativeShape;
  dtype: string;
  initializer: string;
  regularizer: string | null;
  constraint: string | null;
  trainable: boolean;
}
export type NativeMakers = Record<string, (config: string) => number>;
export type NativeLogs = Record<string, number>;
export interface NativeOptimizerState {
  className: string;
  config: string;
  variables: NativeVariable[];
  learningRate: NativeVariable;
}
export interface NativeCompiledState {
  optimizer: number;
  config: string;
  metricsNames: string[];
}
type Batch = (NativeTensor | null)[];

export interface Native extends NativeIo {
  init(options: {
    seed: number;
    threads: number;
    limits: object;
    error: (name: string, message: string, path: string, offset: number) => Error;
  }): void;
  /** How many threads run by now. */
  threads(): number;
  memory(): { bytes: number; peakBytes: number; activationBytes: number };
  registry(): string;
  setRandomSeed(seed: number): void;
  clearSession(): void;

  runOp(name: string, inputs: NativeTensor[], attrs: object): NativeTensor[];
  makeVariable(name: string, value: NativeTensor, trainable: boolean): NativeVariable;
  readVariable(id: number): NativeTensor;
  assignVariable(id: number, value: NativeTensor): void;
  releaseVariable(id: number): void;

  createLayer(className: string, config: string): number;
  createCustomLayer(object: NativeLayerObject, className: string, registeredName: string, config: string): number;
  createSubclassed(object: NativeLayerObject, className: string, registeredName: string, config: string): number;
  deserializeLayer(text: string, customObjects: NativeMakers): number;
  serializeLayer(id: number, dialect: 'v3' | 'h5' | 'savedModel'): string;
  layerConfig(id: number): string;
  baseConfig(id: number): string;
  layerState(id: number): NativeLayerState;
  layerStructures(id: number): { input: NativeStructure; output: NativeStructure };
  setInputStructure(id: number, structure: NativeStructure): void;
  setTrainable(id: number, trainable: boolean): void;
  layerWeights(id: number, which: 'all' | 'trainable' | 'nonTrainable'): NativeVariable[];
  addWeight(id: number, attribute: string, options: NativeWeightOptions): NativeVariable;
  buildLayer(id: number, shapes: NativeShape[]): void;
  computeOutputShapes(id: number, shapes: NativeShape[]): NativeShape[];
  makeInput(shape: NativeShape, dtype: string, name: string | null): NativeKerasTensor;
  applyLayer(id: number, inputs: NativeKerasTensor[], inputsAreList: boolean): NativeKerasTensor[];
  callInTrace(id: number, inputs: NativeOperand[], training: boolean | null): NativeGraphTensor[];
  callEagerly(id: number, inputs: NativeTensor[], training: boolean): NativeTensor[];
  layerNodes(id: number): NativeNode[];
  releaseLayer(id: number): void;
  emitOp(name: string, inputs: NativeOperand[], attrs: object): NativeGraphTensor[];
  addLoss(value: NativeOperand): void;
  isTracing(): boolean;

  /** What follows goes into a new function, until endTrace() or abortTrace(). */
  beginTrace(name: string, training: boolean): number;
  traceArg(name: string, dtype: string, shape: NativeShape): NativeGraphTensor;
  endTrace(id: number, results: NativeOperand[]): void;
  abortTrace(id: number): void;
  /** `captured`: values of the graph around that the function takes as last arguments. */
  compileTrace(id: number): { function: number; captured: NativeGraphTensor[] };
  traceGradients(ys: NativeOperand[], xs: NativeOperand[]): (NativeGraphTensor | null)[];
  /** The variables that the graph which is being traced has used so far. */
  tracedVariables(): NativeVariable[];
  assignInTrace(kind: 'Assign' | 'AssignAdd' | 'AssignSub', variable: number, value: NativeOperand): void;
  condInTrace(condition: NativeOperand, thenTrace: number, elseTrace: number): NativeGraphTensor[];
  whileInTrace(conditionTrace: number, bodyTrace: number, inputs: NativeOperand[]): NativeGraphTensor[];
  runFunction(id: number, inputs: NativeTensor[]): NativeTensor[];
  callFunction(id: number, inputs: NativeOperand[]): NativeGraphTensor[];
  releaseFunction(id: number): void;
  /** A function of a SavedModel, by its number in the description. */
  graphFunction(graph: number, number: number): number;
  releaseGraph(id: number): void;

  canonicalConfig(kind: string, text: string): string;
  callInitializer(text: string, shape: NativeShape, dtype: string): NativeTensor;

  makeFunctional(
    inputs: NativeKerasTensor[],
    outputs: NativeKerasTensor[],
    name: string,
    inputStructure: NativeStructure,
    outputStructure: NativeStructure,
  ): number;
  makeSequential(name: string): number;
  sequentialAdd(id: number, layer: number): void;
  sequentialPop(id: number): void;
  modelInfo(id: number): NativeModelInfo;
  /** A NativeSignature, as JSON. */
  modelSignature(id: number): string;
  /** Makes the weights of a subclassed model; `scoped`: their names begin with the model's. */
  traceModel(id: number, specs: { shape: NativeShape; dtype: string }[], structure: NativeStructure, scoped: boolean): void;
  modelToJSON(id: number): string;
  modelFromJSON(text: string, customObjects: NativeMakers): number;
  createOptimizer(text: string): number;
  optimizerState(id: number): NativeOptimizerState;
  optimizerBuild(id: number, variables: number[]): void;
  optimizerSetWeights(id: number, values: NativeTensor[]): void;
  releaseOptimizer(id: number): void;
  compileModel(id: number, text: string, optimizer: number): void;
  compiledState(id: number): NativeCompiledState | null;
  trainStep(id: number, x: Batch, y: Batch, sampleWeight: Batch): NativeLogs;
  testStep(id: number, x: Batch, y: Batch, sampleWeight: Batch): NativeLogs;
  predictStep(id: number, x: NativeTensor[]): NativeTensor[];
  resetMetrics(id: number): void;
}

/** The options of Emscripten's glue that are used. */
export interface GlueOptions {
  instantiateWasm?: (
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ) => object;
  locateFile?: (path: string) => string;
  /** What the threads' workers run: the glue's URL, where a bundler may have renamed it. */
  mainScriptUrlOrBlob?: string;
}
export type Glue = (options: GlueOptions) => Promise<Native>;
