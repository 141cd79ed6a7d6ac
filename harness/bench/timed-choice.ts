/** A choice of a target that knows how long the target took to start. */
import type { TargetChoice } from '../target/parse.js';
import type { Identity, Target } from '../target/target.js';

export class TimedChoice implements TargetChoice {
  readonly name: string;
  readonly kind: Target['kind'];
  /** of the target that was last identified, milliseconds */
  startMs = 0;
  readonly #choice: TargetChoice;

  constructor(choice: TargetChoice) {
    this.#choice = choice;
    this.name = choice.name;
    this.kind = choice.kind;
  }

  readonly create = (): Target => {
    const target = this.#choice.create();
    return {
      name: target.name,
      kind: target.kind,
      identify: async () => {
        const started = performance.now();
        const identity = await target.identify();
        this.startMs = performance.now() - started;
        return identity;
      },
      begin: (context) => target.begin(context),
      close: () => target.close(),
    };
  };

  /** What a target says of itself. It is started, and closed again. @throws TargetFault */
  async identify(): Promise<Identity> {
    const target = this.create();
    try {
      return await target.identify();
    } finally {
      await target.close();
    }
  }
}
