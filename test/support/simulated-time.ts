import type { Timer } from '../../src/tls/index.js';

interface Planned {
  readonly at: number;
  readonly work: () => Promise<void>;
}

/** Time that passes when it is told to: what was planned for is done in its order, each thing to its end, over real sockets and files. */
export class SimulatedTime {
  #planned: Planned[] = [];

  constructor(private time = Date.now()) {}

  readonly now = (): Date => new Date(this.time);

  /** The same time by a clock that is `skew()` milliseconds ahead. */
  readonly clock =
    (skew: () => number = () => 0): (() => Date) =>
    () =>
      new Date(this.time + skew());

  readonly timer: Timer = (work, delay) => {
    const planned = { at: this.time + delay, work };
    this.#planned.push(planned);
    return () => {
      this.#planned = this.#planned.filter((each) => each !== planned);
    };
  };

  /** Has `work` done at each `interval` milliseconds from now on. */
  every(interval: number, work: () => Promise<void>): void {
    this.timer(async () => {
      await work();
      this.every(interval, work);
    }, interval);
  }

  /** Lets so many milliseconds pass. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = this.#planned.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#planned = this.#planned.filter((each) => each !== next);
      this.time = Math.max(this.time, next.at);
      await next.work();
    }
    this.time = end;
  }
}
