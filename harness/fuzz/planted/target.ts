/** The reference with a mistake in it, as a target: it is there only while the target works, and the model has none. */
import { createReferenceTarget } from '../../target/reference/reference.js';
import { type CaseContext, Declined, type Session, type Target, TargetFault } from '../../target/target.js';
import type { Mistake } from './mistake.js';

export function plantedTarget(mistake: Mistake): Target {
  const reference = createReferenceTarget();
  return {
    name: `reference with ${mistake.name}`,
    kind: 'reference',
    identify: () => reference.identify(),
    close: () => reference.close(),
    async begin(context: CaseContext): Promise<Session> {
      return planted(await reference.begin(context), mistake);
    },
  };
}

/** What a method does it does before its first wait: so the mistake is there for as long as the call itself. */
function planted<T extends object>(whole: T, mistake: Mistake): T {
  return new Proxy(whole, {
    get(one, member) {
      const value: unknown = Reflect.get(one, member, one);
      if (member === 'tools' && typeof value === 'object' && value !== null) return planted(value, mistake);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const undo = mistake.plant();
        try {
          const method = Reflect.get(one, member, one) as (...args: unknown[]) => unknown;
          const result = method.apply(one, args);
          return result instanceof Promise ? result.catch(asCrash) : result;
        } catch (error) {
          return asCrash(error);
        } finally {
          undo();
        }
      };
    },
  });
}

/** What the reference throws where it must not ends a program of its own. */
function asCrash(error: unknown): never {
  if (error instanceof TargetFault || error instanceof Declined) throw error;
  throw new TargetFault('crash', String(error));
}
