/** Parts of the reference that do something else for a while. */

export type Undo = () => void;

type Anything = (...args: never[]) => unknown;

/** Puts `make(original)` in the place of a method. The original is called with its own `this`. */
export function patch<O extends object, K extends keyof O>(
  object: O,
  name: K,
  make: (original: O[K]) => O[K] & Anything,
): Undo {
  const before = Object.getOwnPropertyDescriptor(object, name);
  const value = make(object[name]);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) delete object[name];
    else Object.defineProperty(object, name, before);
  };
}

/** As {@link patch}, for a property that is computed. */
export function patchGetter<O extends object, K extends keyof O>(
  object: O,
  name: K,
  get: (self: O) => O[K],
): Undo {
  const before = Object.getOwnPropertyDescriptor(object, name)!;
  Object.defineProperty(object, name, {
    configurable: true,
    get(this: O) {
      return get(this);
    },
  });
  return () => {
    Object.defineProperty(object, name, before);
  };
}
