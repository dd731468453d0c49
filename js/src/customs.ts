// Classes of the user's own: registered for good, for the length of a scope, or handed to one call.
import { ValueError } from './errors.js';
import type { NativeMakers } from './engine/native.js';
import { type JsonObject, objectFromJson } from './config.js';

/** A class that can be made from its config: a `Layer` of the user's own. */
export interface CustomClass {
  new (...args: never[]): object;
  readonly className?: string;
  fromConfig?(config: JsonObject): object;
}
/** Custom classes by the name that files know them under: `MyLayer` or `Package>MyLayer`. */
export type CustomObjects = Record<string, CustomClass>;

const registered = new Map<string, CustomClass>();
const registeredNames = new Map<object, string>();
const scopes: CustomObjects[] = [];

/**
 * Registers a class under `package>name`, as `keras.utils.register_keras_serializable`: files then find it by itself.
 * @returns the class, so that it can be used as a decorator
 */
export function registerKerasSerializable<T extends CustomClass>(
  customClass: T,
  options: { package?: string; name?: string } = {},
): T {
  const name = options.name ?? classNameOf(customClass);
  const full = `${options.package ?? 'Custom'}>${name}`;
  const other = registered.get(full);
  if (other !== undefined && other !== customClass) {
    throw new ValueError(`${full} has already been registered to another class.`);
  }
  registered.set(full, customClass);
  registeredNames.set(customClass, full);
  return customClass;
}

/** Runs `fn` with these custom objects known, as `keras.utils.custom_object_scope`. A promise keeps the scope until it settles. */
export function customObjectScope<T>(objects: CustomObjects, fn: () => T): T {
  scopes.push(objects);
  const leave = (): void => {
    scopes.splice(scopes.lastIndexOf(objects), 1);
  };
  let result: T;
  try {
    result = fn();
  } catch (error) {
    leave();
    throw error;
  }
  if (result instanceof Promise) return result.finally(leave) as T;
  leave();
  return result;
}

/** All custom objects that are known now, by name. */
export function getCustomObjects(): CustomObjects {
  return Object.assign({}, Object.fromEntries(registered), ...scopes) as CustomObjects;
}

/** The name under which a class is written: `static className`, the registered name, or the name of the class. */
export function classNameOf(customClass: CustomClass): string {
  if (Object.hasOwn(customClass, 'className') && customClass.className !== undefined) return customClass.className;
  const full = registeredNames.get(customClass);
  if (full !== undefined) return full.slice(full.indexOf('>') + 1);
  for (const [name, known] of Object.entries(getCustomObjects())) {
    if (known === customClass) return name.slice(name.indexOf('>') + 1);
  }
  return customClass.name;
}

/** `Package>Name`, or the bare name of a class that is not registered but was handed in under another. */
export function registeredNameOf(customClass: CustomClass): string {
  const full = registeredNames.get(customClass);
  if (full !== undefined) return full;
  for (const [name, known] of Object.entries(getCustomObjects())) {
    if (known === customClass && name.includes('>')) return name;
  }
  return classNameOf(customClass);
}

/** What makes an object of a custom class from its config; set by layers/. */
type Maker = (customClass: CustomClass, config: JsonObject) => number;

/** The custom objects of a call as the engine takes them. */
export function nativeMakers(objects: CustomObjects | undefined, make: Maker): NativeMakers {
  const makers: NativeMakers = {};
  for (const [name, customClass] of Object.entries({ ...getCustomObjects(), ...objects })) {
    if (typeof customClass !== 'function') throw new ValueError(`customObjects.${name} is no class.`);
    // What a file calls `Package>Name` keeps that name when it is saved again.
    if (name.includes('>') && !registeredNames.has(customClass)) registeredNames.set(customClass, name);
    makers[name] = (config) => make(customClass, objectFromJson(config));
  }
  return makers;
}
