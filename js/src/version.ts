// The version of the package, put in by the build.
declare const __KERAS_WASM_VERSION__: string;
export const VERSION: string = __KERAS_WASM_VERSION__;
