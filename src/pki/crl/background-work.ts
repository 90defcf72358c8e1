/** Work that may be asked for more often than it can be done: asked for while it is done, it is done once more. */
export class BackgroundWork {
  readonly #work: () => Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** `work` never rejects. */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Returns when all that was there to be done at the call is done. */
  run(): Promise<void> {
    this.#next ??= this.#last.then(() => {
      this.#next = undefined;
      return this.#work();
    });
    return (this.#last = this.#next);
  }

  /** What is under way, and what comes after it. */
  get done(): Promise<void> {
    return this.#last;
  }
}
