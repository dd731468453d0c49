// The glue of the single-thread builds; the build puts the file that Emscripten made in its place.
declare module 'keras-wasm/glue' {
  const createEngine: import('./native.js').Glue;
  export default createEngine;
}
