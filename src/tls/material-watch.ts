import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { reporter } from './reporter.js';
import { previousKeyFile, readTlsMaterial, type TlsFiles, type TlsMaterial } from './tls-material.js';

/** What a look at the files led to, for the log. */
export type TlsReloadEvent =
  | { readonly kind: 'certificate'; readonly material: TlsMaterial }
  | { readonly kind: 'trust'; readonly material: TlsMaterial }
  | { readonly kind: 'failed'; readonly why: string };

export interface MaterialWatchOptions {
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Checks new material before it is taken up. What it throws is reported, and the old material stays. */
  readonly check?: (material: TlsMaterial) => void;
  readonly clock: () => Date;
  readonly report: (event: TlsReloadEvent) => void;
}

// Files that could not be used may become usable with time, such as a certificate that is not valid yet; but opening an encrypted key blocks the
// event loop, so they are not tried at each look.
const RETRY_MS = 10_000;
const PARTS = ['certificatePem', 'keyPem', 'ticketKeys'] as const;

type Trust = Pick<TlsMaterial, 'caPem' | 'intermediates'>;

/** Whether two materials have the same CAs and the same intermediates. */
export const isSameTrust = (one: Trust, other: Trust): boolean =>
  one.caPem === other.caPem && isDeepStrictEqual(one.intermediates, other.intermediates);

/**
 * Keeps up with the files of key, certificate, CAs and intermediates. At each interval it looks at their time, size and inode, so that no event can
 * be missed. Files that cannot be used are reported once, and the old material stays; unchanged files are read again every ten seconds.
 */
export class MaterialWatch {
  #timer: NodeJS.Timeout | undefined;
  #mark: string | undefined;
  #failure: string | undefined;
  #failed: { readonly mark: string; readonly at: number } | undefined;
  #busy = false;
  #looking: Promise<void> = Promise.resolve();
  readonly #report: (event: TlsReloadEvent) => void;

  constructor(
    private readonly files: TlsFiles,
    private current: TlsMaterial,
    private readonly options: MaterialWatchOptions,
    private readonly take: (material: TlsMaterial, change: 'certificate' | 'trust') => void,
  ) {
    this.#report = reporter(options.report);
  }

  /** The material in use. */
  get material(): TlsMaterial {
    return this.current;
  }

  /** Looks at each interval; this alone does not keep the process alive. */
  start(): void {
    this.#timer = setInterval(() => {
      if (this.#busy) return;
      this.#busy = true;
      void this.reload().finally(() => (this.#busy = false));
    }, this.options.interval).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at the files now and takes up what changed. Never fails: what went wrong is reported once. */
  reload(): Promise<void> {
    // One look after the other: of two at once, the one that read first might take up last.
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const mark = await this.#markOfFiles();
      if (mark !== this.#mark) {
        const now = this.options.clock();
        if (mark === this.#failed?.mark && Math.abs(now.getTime() - this.#failed.at) < RETRY_MS) return;
        this.#failed = { mark, at: now.getTime() };
        const material = await readTlsMaterial(this.files, now);
        this.options.check?.(material);
        this.#takeUp(material);
        this.#mark = mark;
      }
      // Also of files that were gone and are back as they had been.
      this.#failure = undefined;
      this.#failed = undefined;
    } catch (error) {
      const why = (error as Error).message;
      if (why === this.#failure) return;
      this.#failure = why;
      this.#report({ kind: 'failed', why });
    }
  }

  #takeUp(material: TlsMaterial): void {
    const before = this.current;
    const change = isSameTrust(material, before) ? 'certificate' : 'trust';
    if (change === 'certificate' && PARTS.every((part) => isDeepStrictEqual(material[part], before[part]))) return;
    this.take(material, change);
    this.current = material;
    this.#report({ kind: change, material });
  }

  async #markOfFiles(): Promise<string> {
    const { certificateFile, keyFile, caFile, intermediatesFile, ticketKeysFile } = this.files;
    const marks = await Promise.all(
      [certificateFile, keyFile, previousKeyFile(keyFile), caFile, intermediatesFile, ticketKeysFile].map(
        async (path) => {
          const stats = path === undefined ? undefined : await stat(path).catch(() => undefined);
          // The inode's change time: a mere change of the file's mode may be what makes it usable.
          return stats && `${stats.size} ${stats.ctimeMs} ${stats.ino}`;
        },
      ),
    );
    return marks.join('\n');
  }
}
