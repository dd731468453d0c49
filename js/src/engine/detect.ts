// Which build runs here: told by what the WebAssembly engine accepts, never by names of browsers.
import { RuntimeError, UnimplementedError, ValueError } from '../errors.js';

export type Variant = 'simd' | 'relaxed' | 'threads' | 'relaxed-threads';
const VARIANTS: readonly string[] = ['auto', 'simd', 'relaxed', 'threads', 'relaxed-threads'];

/** Which builds this package holds. The package's build puts it in. */
declare const __KERAS_WASM_BUILT__: { relaxed: boolean };

// (func (drop (i8x16.splat (i32.const 0))))
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11);
// (func (drop (f32x4.relaxed_madd …))) with three zero vectors
// prettier-ignore
const RELAXED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 20, 1, 18, 0,
  65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 26, 11,
);

/** The build for `wanted`. Throws RuntimeError where nothing runs, or where what was asked for does not. */
export async function chooseVariant(wanted: 'auto' | Variant): Promise<Variant> {
  if (!VARIANTS.includes(wanted))
    throw new ValueError(`There is no variant '${wanted}' of the engine; there are ${VARIANTS.join(', ')}.`);
  if (wanted.endsWith('threads')) throw new UnimplementedError('The threaded builds are not part of this version.');
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(SIMD)) {
    throw new RuntimeError('keras-wasm needs WebAssembly with SIMD, which this JavaScript engine does not have.');
  }
  const relaxed = WebAssembly.validate(RELAXED);
  if (wanted === 'auto') return relaxed && __KERAS_WASM_BUILT__.relaxed ? 'relaxed' : 'simd';
  if (wanted === 'relaxed' && !__KERAS_WASM_BUILT__.relaxed)
    throw new RuntimeError(`Variant '${wanted}' has not been built into this copy of the package.`);
  if (wanted.startsWith('relaxed') && !relaxed)
    throw new RuntimeError(`Variant '${wanted}' needs relaxed SIMD, which this JavaScript engine does not have.`);
  return wanted;
}
