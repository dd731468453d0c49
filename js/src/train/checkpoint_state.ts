// The `checkpoint` file of a folder: protobuf text that names the latest checkpoint and all that are kept.

export interface CheckpointState {
  modelCheckpointPath: string;
  /** Oldest first. */
  allModelCheckpointPaths: string[];
  /** Seconds since 1970, one for each path; of managers only. */
  allModelCheckpointTimestamps?: number[];
  lastPreservedTimestamp?: number;
}

const SIMPLE: Record<string, number> = { n: 10, r: 13, t: 9, a: 7, b: 8, f: 12, v: 11 };

/** Undoes protobuf's escapes: octal and hexadecimal bytes of UTF-8, `\n`, `\"`, … */
function unescapeText(text: string): string {
  const bytes: number[] = [];
  for (const [part, octal, hex, escaped] of text.matchAll(/\\([0-7]{1,3})|\\[xX]([0-9a-fA-F]{1,2})|\\(.)|[^\\]+/gsu)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8) & 255);
    else if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else if (escaped !== undefined && escaped in SIMPLE) bytes.push(SIMPLE[escaped] as number);
    else bytes.push(...new TextEncoder().encode(escaped ?? part));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** As protobuf's text format writes a string: quotes and backslashes escaped, other than printable ASCII in octal. */
function escapeText(text: string): string {
  const named: Record<number, string> = { 10: '\\n', 13: '\\r', 9: '\\t', 34: '\\"', 39: "\\'", 92: '\\\\' };
  return [...new TextEncoder().encode(text)]
    .map((byte) => {
      const name = named[byte];
      if (name !== undefined) return name;
      return byte < 32 || byte > 126 ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
    })
    .join('');
}

/** What a file says, or null where it names no checkpoint. Unknown fields are passed over. */
export function parseCheckpointState(text: string): CheckpointState | null {
  const state: CheckpointState = { modelCheckpointPath: '', allModelCheckpointPaths: [] };
  const field = /(\w+)\s*:\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|([^\s,;#"']+))|#[^\n]*/g;
  for (const [, name, double, single, number] of text.matchAll(field)) {
    const value = unescapeText(double ?? single ?? '');
    if (name === 'model_checkpoint_path') state.modelCheckpointPath = value;
    else if (name === 'all_model_checkpoint_paths') state.allModelCheckpointPaths.push(value);
    else if (name === 'all_model_checkpoint_timestamps') (state.allModelCheckpointTimestamps ??= []).push(Number(number));
    else if (name === 'last_preserved_timestamp') state.lastPreservedTimestamp = Number(number);
  }
  return state.modelCheckpointPath === '' ? null : state;
}

/** The text of the file, as TensorFlow writes it. */
export function formatCheckpointState(state: CheckpointState): string {
  const lines = [`model_checkpoint_path: "${escapeText(state.modelCheckpointPath)}"`];
  for (const path of state.allModelCheckpointPaths) lines.push(`all_model_checkpoint_paths: "${escapeText(path)}"`);
  for (const time of state.allModelCheckpointTimestamps ?? []) lines.push(`all_model_checkpoint_timestamps: ${time}`);
  if (state.lastPreservedTimestamp !== undefined) lines.push(`last_preserved_timestamp: ${state.lastPreservedTimestamp}`);
  return `${lines.join('\n')}\n`;
}
