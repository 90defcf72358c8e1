import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Server } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { serverContextOptions, type ServerTlsSettings } from './secure-context.js';
import { readTlsMaterial, type TlsFiles, type TlsMaterial } from './tls-material.js';

/** What a reload did, for the log. */
export type TlsReloadEvent =
  | { readonly kind: 'certificate'; readonly material: TlsMaterial }
  | { readonly kind: 'trust'; readonly material: TlsMaterial }
  | { readonly kind: 'failed'; readonly why: string };

const PAIR_AND_TICKETS = ['certificatePem', 'keyPem', 'ticketKeys'] as const;

/**
 * Takes up new certificate, key and CA files without a restart and without a failed request. Files are looked at by time, size and inode at
 * each interval, which no missed event can defeat; material that does not check out is reported and the old one stays.
 *
 * On a change of certificate the ticket keys are kept, so that clients go on resuming; on a change of trust they are replaced, so that no
 * session from before the change opens anything (RFC 8446 §4.6.1, Envoy CVE-2022-21654). Open connections stay: the guard looks at them again.
 */
export class TlsReloader {
  #timer: NodeJS.Timeout | undefined;
  #mark: string | undefined;
  #failure: string | undefined;
  #busy = false;

  constructor(
    private readonly server: Pick<Server, 'setSecureContext' | 'getTicketKeys' | 'setTicketKeys'>,
    private readonly settings: ServerTlsSettings,
    private readonly files: TlsFiles,
    private current: TlsMaterial,
    private readonly options: {
      readonly interval: number;
      /** Looks at new material before it is taken up; what it throws is reported, and the old material stays. */
      readonly check?: (material: TlsMaterial) => void;
      readonly clock: () => Date;
      readonly report: (event: TlsReloadEvent) => void;
    },
  ) {}

  /** The material in use. */
  get material(): TlsMaterial {
    return this.current;
  }

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
  async reload(): Promise<void> {
    try {
      const mark = await this.#markOfFiles();
      if (mark === this.#mark) return;
      const material = await readTlsMaterial(this.files, this.options.clock());
      this.options.check?.(material);
      this.#mark = mark;
      this.#failure = undefined;
      this.#take(material);
    } catch (error) {
      const why = (error as Error).message;
      if (why === this.#failure) return;
      this.#failure = why;
      this.options.report({ kind: 'failed', why });
    }
  }

  #take(material: TlsMaterial): void {
    const before = this.current;
    const trustChanged = material.caPem !== before.caPem;
    if (!trustChanged && PAIR_AND_TICKETS.every((part) => isDeepStrictEqual(material[part], before[part]))) return;
    const ticketKeys = material.ticketKeys ?? (trustChanged ? randomBytes(48) : this.server.getTicketKeys());
    this.server.setSecureContext(serverContextOptions(this.settings, material));
    // setSecureContext makes new ticket keys of its own.
    this.server.setTicketKeys(ticketKeys);
    this.current = material;
    this.options.report({ kind: trustChanged ? 'trust' : 'certificate', material });
  }

  async #markOfFiles(): Promise<string> {
    const { certificateFile, keyFile, caFile, ticketKeysFile } = this.files;
    const marks = await Promise.all(
      [certificateFile, keyFile, caFile, ticketKeysFile].map(async (path) => {
        if (path === undefined) return '';
        const { size, mtimeMs, ino } = await stat(path);
        return `${size} ${mtimeMs} ${ino}`;
      }),
    );
    return marks.join('\n');
  }
}
