/** The findings that the lanes of a worker are about to keep, each once, if the engine says that they are its own. */
import { Interrupted } from '../../../case/run/guard.js';

interface Question {
  answer(isYours: boolean): void;
  interrupt(): void;
}

export class Keeping {
  readonly #ask: (id: string) => void;
  /** what is not answered */
  readonly #questions = new Map<string, Question>();
  readonly #begun = new Map<string, Promise<string | null>>();
  #isOver = false;

  /** @param ask asks the engine who keeps a finding: its answer comes by {@link answer} */
  constructor(ask: (id: string) => void) {
    this.#ask = ask;
  }

  answer(id: string, isYours: boolean): void {
    this.#questions.get(id)?.answer(isYours);
    this.#questions.delete(id);
  }

  /** Nobody answers any more. */
  interrupt(): void {
    this.#isOver = true;
    for (const { interrupt } of this.#questions.values()) interrupt();
  }

  /** Waits until what a lane is about to keep is there. @throws what {@link keep} threw: then nobody may count on it */
  async settled(id: string): Promise<void> {
    await this.#begun.get(id);
  }

  /**
   * Keeps a finding. When it returns, it is on disk: its directory, or null when another worker has it.
   * @throws Interrupted when nobody said who keeps it; what `save` throws
   */
  keep(id: string, save: () => string): Promise<string | null> {
    const kept = this.#isOurs(id).then((isOurs) => (isOurs ? save() : null));
    this.#begun.set(id, kept);
    return kept;
  }

  #isOurs(id: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const interrupt = (): void => reject(new Interrupted());
      if (this.#isOver) {
        interrupt();
        return;
      }
      this.#questions.set(id, { answer: resolve, interrupt });
      this.#ask(id);
    });
  }
}
