// The error classes of the API, named as in Python. One table of names and codes; the engine's errors arrive by name.

/** What every error of this package tells beside its message. */
export interface ErrorPlace {
  /** The layer, node or file in which it happened. */
  path?: string;
  /** Byte offset in that file. */
  offset?: number;
  cause?: unknown;
}

/** Base of all errors of this package but `TypeError`, which extends the global one. */
export class KerasError extends Error {
  readonly code: string = 'INTERNAL';
  readonly path: string | undefined;
  readonly offset: number | undefined;

  constructor(message: string, place: ErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.path = place.path;
    this.offset = place.offset;
  }
}

/** A value that does not fit, as Python's `ValueError`. */
export class ValueError extends KerasError {
  override readonly code = 'VALUE_ERROR';
}
/** A call at the wrong time, as Python's `RuntimeError`. */
export class RuntimeError extends KerasError {
  override readonly code = 'RUNTIME_ERROR';
}
/** Something that was to be so is not, as Python's `AssertionError`. */
export class AssertionError extends KerasError {
  override readonly code = 'ASSERTION_FAILED';
}
/** A file, dataset, variable or key that is not there. */
export class NotFoundError extends KerasError {
  override readonly code = 'NOT_FOUND';
}
/** Inputs of an op that do not fit each other. */
export class InvalidArgumentError extends KerasError {
  override readonly code = 'INVALID_ARGUMENT';
}
/** An op that needs something done first: a variable without a value, a lookup table that is not filled, or filled otherwise. */
export class FailedPreconditionError extends KerasError {
  override readonly code = 'FAILED_PRECONDITION';
}
/** A file that is damaged: checksum, truncation; `path` and `offset` tell where. */
export class DataLossError extends KerasError {
  override readonly code = 'DATA_LOSS';
}
/** An op, layer or option that this version does not have. */
export class UnimplementedError extends KerasError {
  override readonly code = 'UNIMPLEMENTED';
}
/** A limit that was passed; the message names it. */
export class ResourceExhaustedError extends KerasError {
  override readonly code = 'RESOURCE_EXHAUSTED';
}
/** The engine could not get the memory it needs. */
export class OutOfMemoryError extends KerasError {
  override readonly code = 'OUT_OF_MEMORY';
}
/** The call was stopped by its `signal`. */
export class AbortError extends KerasError {
  override readonly code = 'ABORTED';
}
/** Reading or writing failed: network, disk, storage quota. */
export class IOError extends KerasError {
  override readonly code = 'IO_ERROR';
}

/** An argument of the wrong type; extends the global `TypeError`. */
class KerasTypeError extends globalThis.TypeError {
  readonly code = 'TYPE_ERROR';
  readonly path: string | undefined;
  readonly offset: number | undefined;

  constructor(message: string, place: ErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.path = place.path;
    this.offset = place.offset;
  }
}
export { KerasTypeError as TypeError };

type ErrorClass = new (message: string, place?: ErrorPlace) => Error;

const CLASSES: Record<string, ErrorClass> = {
  ValueError,
  RuntimeError,
  AssertionError,
  NotFoundError,
  InvalidArgumentError,
  FailedPreconditionError,
  DataLossError,
  UnimplementedError,
  ResourceExhaustedError,
  OutOfMemoryError,
  AbortError,
  IOError,
  TypeError: KerasTypeError,
};
// By prototype, since minifiers rename classes.
for (const [name, errorClass] of Object.entries(CLASSES)) {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}

/** @internal The error for what the engine reports. */
export function errorFromEngine(name: string, message: string, path: string, offset: number): Error {
  const errorClass = CLASSES[name] ?? KerasError;
  return new errorClass(message, { path: path === '' ? undefined : path, offset: offset < 0 ? undefined : offset });
}

/** @internal Throws AbortError if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined | null, what: string): void {
  if (signal?.aborted) throw new AbortError(`${what} was aborted.`, { cause: signal.reason });
}
