const WIDTH = 30;
const INTERVAL = 100;

/** A bar on the last line of a terminal, drawn ten times a second at most, and wiped when the work ends. Short work never shows it. */
export class ProgressBar {
  readonly #what: string;
  readonly #write: ((text: string) => void) | undefined;
  readonly #now: () => number;
  #last: number;
  #isDrawn = false;

  /** `write` puts text on the terminal; without it nothing is drawn. `now` is a clock in milliseconds. */
  constructor(what: string, write: ((text: string) => void) | undefined, now: () => number = () => performance.now()) {
    this.#what = what;
    this.#write = write;
    this.#now = now;
    this.#last = now();
  }

  /** Whether anybody can see it. */
  get isShown(): boolean {
    return this.#write !== undefined;
  }

  /** Reports that `done` of `total` are done. */
  update(done: number, total: number): void {
    const now = this.#now();
    if (!this.#write || now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#isDrawn = true;
    const part = total > 0 ? Math.min(1, done / total) : 1;
    const bar = '#'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '.');
    this.#write(`\r${this.#what} [${bar}] ${Math.floor(part * 100)} % (${done} of ${total})`);
  }

  /** Wipes the line, so that whatever follows starts at its beginning. */
  end(): void {
    if (this.#isDrawn) this.#write?.('\r\u001b[K');
    this.#isDrawn = false;
  }
}
