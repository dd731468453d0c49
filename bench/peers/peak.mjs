// What one core can do: multiply-adds between registers, as many as a row of matrix products has. The module is written here,
// byte by byte: a loop over twelve accumulators, acc = acc · x + y, with one instruction where SIMD is relaxed, else with two.
const ACCUMULATORS = 12;
const FLOPS_PER_STEP = ACCUMULATORS * 4 * 2;

const unsigned = (value) => {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
};
const vector = (items) => [...unsigned(items.length), ...items.flat()];
const section = (id, content) => [id, ...unsigned(content.length), ...content];
const simd = (opcode) => [0xfd, ...unsigned(opcode)];

// Opcodes of the core and SIMD instruction sets.
const I32 = 0x7f,
  F32 = 0x7d,
  V128 = 0x7b,
  FUNCTION = 0x60;
const [LOOP, END, BRANCH_IF, LOCAL_GET, LOCAL_SET, LOCAL_TEE, CONST] = [0x03, 0x0b, 0x0d, 0x20, 0x21, 0x22, 0x41];
const [SPLAT, EXTRACT, ADD, MULTIPLY, MULTIPLY_ADD] = [simd(0x13), [...simd(0x1f), 0], simd(0xe4), simd(0xe6), simd(0x105)];

/** run(steps: i32, x: f32) → f32: the sum of the accumulators' first lanes, so that nothing is left out. */
function moduleBytes(relaxed) {
  const [steps, xArgument, x, first] = [0, 1, 2, 3];
  const accumulators = Array.from({ length: ACCUMULATORS }, (_, i) => first + i);
  const get = (local) => [LOCAL_GET, ...unsigned(local)],
    set = (local) => [LOCAL_SET, ...unsigned(local)];
  const step = (local) =>
    relaxed
      ? [...get(local), ...get(x), ...get(x), ...MULTIPLY_ADD, ...set(local)]
      : [...get(local), ...get(x), ...MULTIPLY, ...get(x), ...ADD, ...set(local)];
  const countDown = [...get(steps), CONST, 1, 0x6b, LOCAL_TEE, steps];
  const sum = accumulators.flatMap((local, i) => [...get(local), ...EXTRACT, ...(i > 0 ? [0x92] : [])]);
  const body = [
    ...vector([[...unsigned(1 + ACCUMULATORS), V128]]),
    ...[...get(xArgument), ...SPLAT, ...set(x)],
    ...[LOOP, 0x40, ...accumulators.flatMap(step), ...countDown, BRANCH_IF, 0, END],
    ...[...sum, END],
  ];
  const name = [...new TextEncoder().encode('run')];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[FUNCTION, ...vector([[I32], [F32]]), ...vector([[F32]])]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[...vector(name), 0, 0]])),
    ...section(10, vector([vector(body)])),
  ]);
}

export async function prepare(row, env) {
  const { instance } = await WebAssembly.instantiate(moduleBytes(env.variant === 'relaxed'));
  const steps = Math.round(row.flops / FLOPS_PER_STEP);
  return { run: async () => instance.exports.run(steps, 0.5) };
}
