// The parts of the demo page that compute without a page: data files, the graph's layout, the drawing pad's image.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A module of web/src, compiled in memory. */
async function load(path) {
  const entry = fileURLToPath(new URL(`../../web/src/${path}`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

const { fitToModel, readDataFile } = await load('data.ts');
const { layOut } = await load('graph_layout.ts');
const { digitImage } = await load('inputs/pad_image.ts');

const read = (text) => readDataFile(new File([text], 'data'));
const model = (input, output) => ({ inputs: [{ name: 'in', shape: input }], outputs: [{ name: 'out', shape: output }] });

describe('training data files', () => {
  test('CSV: the last column is the label, a header is passed over', async () => {
    const { x, xShape, y, yShape } = await read('\uFEFFwidth,height,kind\r\n1,2.5,0\r\n\r\n-3,4e1,1\r\n');
    assert.deepEqual(
      [[...x], xShape, [...y], yShape],
      [
        [1, 2.5, -3, 40],
        [2, 2],
        [0, 1],
        [2, 1],
      ],
    );
  });
  test('JSON: nested arrays give the shape', async () => {
    const { xShape, y, yShape } = await read('{"x": [[[1, 2], [3, 4]]], "y": [true]}');
    assert.deepEqual([xShape, [...y], yShape], [[1, 2, 2], [1], [1, 1]]);
  });
  for (const [text, message] of [
    ['1,2,3\n4,5\n', /^Line 2 has 2 columns, the first one has 3\.$/],
    ['1,2,3\n4,,6\n', /^Line 2, column 2: "" is not a number\.$/],
    ['', /^The file must have a line for each sample/],
    ['{"x": [1', /^The file is no JSON: /],
    ['{"x": [1, 2]}', /^The file must be an object with "x" and "y"\.$/],
    ['{"x": [[1], 2], "y": [0, 1]}', /^x\[1\] is a single value, its neighbours are lists\.$/],
    ['{"x": [[1], [null]], "y": [0, 1]}', /^x\[1\]\[0\] is not a number\.$/],
  ]) {
    test(`is refused: ${JSON.stringify(text)}`, () => assert.rejects(read(text), { message }));
  }
  test('rows of the right length are reshaped to what the model takes', async () => {
    const samples = await read('1,2,3,4,0\n5,6,7,8,1\n');
    assert.deepEqual(
      fitToModel(samples, model([null, 2, 2, 1], [null, 2]), 'sparse_categorical_crossentropy').xShape,
      [2, 2, 2, 1],
    );
    assert.throws(() => fitToModel(samples, model([null, 3], [null, 2]), null), {
      message: 'x has the shape [2, 4], but the model wants [any, 3].',
    });
  });
  test('class numbers become one-hot rows where the loss takes those', async () => {
    const samples = await read('1,2\n5,0\n');
    const { y, yShape } = fitToModel(samples, model([null, 1], [null, 3]), 'categorical_crossentropy');
    assert.deepEqual(
      [[...y], yShape],
      [
        [0, 0, 1, 1, 0, 0],
        [2, 3],
      ],
    );
    assert.throws(() => fitToModel(samples, model([null, 1], [null, 2]), 'categorical_crossentropy'), {
      message: /^Label 2 of sample 1 is no class number from 0 to 1\.$/,
    });
  });
});

describe("the layer graph's layout", () => {
  const width = 100;
  const node = (name, ...inbound) => ({ name, inbound, width });

  test('puts layers below all that they take from, and side by side where nothing orders them', () => {
    const { boxes, lines } = layOut(
      [node('in'), node('a', 'in'), node('b', 'in'), node('c', 'b'), node('sum', 'a', 'c', 'in')],
      80,
    );
    const y = (name) => boxes.get(name).y;
    assert.equal(y('a'), y('b'));
    assert.ok(y('in') < y('b') && y('b') < y('c') && y('c') < y('sum'));
    assert.ok(Math.abs(boxes.get('a').x - boxes.get('b').x) >= width);
    assert.equal(lines.length, 6);
  });
  test('a skip connection passes beside the boxes between its ends', () => {
    const { boxes, lines } = layOut([node('in'), node('a', 'in'), node('b', 'a'), node('sum', 'b', 'in')], 80);
    const skip = lines.find((points) => points.length === 4);
    for (const name of ['a', 'b']) {
      const box = boxes.get(name);
      assert.ok(Math.abs(skip.find(({ y }) => y === box.y).x - box.x) > width / 2);
    }
  });
  test('layers that a broken file puts in a circle are still placed', () => {
    const { boxes } = layOut([node('in'), node('a', 'b'), node('b', 'a')], 80);
    assert.equal(boxes.size, 3);
  });
});

describe("the drawing pad's image", () => {
  const ink = (inside) => ({
    width: 80,
    height: 80,
    values: Float32Array.from({ length: 6400 }, (_, i) => (inside(i % 80, Math.floor(i / 80)) ? 1 : 0)),
  });

  test('what is drawn small in a corner fills the height and stands in the middle', () => {
    // An upright bar of 4 × 16 pixels: 2 × 8 cells of 2 pixels each.
    const image = digitImage(
      ink((x, y) => x >= 60 && x < 64 && y >= 8 && y < 24),
      8,
    );
    for (let row = 0; row < 8; row++) assert.deepEqual(image.slice(row * 8, row * 8 + 8), [0, 0, 0, 1, 1, 0, 0, 0]);
  });
  test('of 28 × 28 pixels, the digit takes 20', () => {
    const image = digitImage(
      ink((x, y) => x >= 10 && x < 50 && y >= 20 && y < 60),
      28,
    );
    const inked = [...image.keys()].filter((i) => image[i] > 0.5);
    assert.equal(inked.length, 400);
    assert.deepEqual([inked[0], inked.at(-1)], [4 * 28 + 4, 23 * 28 + 23]);
  });
  test('nothing drawn is no image', () =>
    assert.equal(
      digitImage(
        ink(() => false),
        8,
      ),
      null,
    ));
});
