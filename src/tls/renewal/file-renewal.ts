import { readFile } from 'node:fs/promises';
import type { TlsSettings } from '../tls-settings.js';
import { PairFiles } from './pair-files.js';
import { RenewalAgent, systemTimer, type RenewalAgentOptions, type Timer } from './renewal-agent.js';
import { reasonOf, RenewalError } from './renewal-error.js';
import { renewPair } from './renew-pair.js';

const LONGEST_TELLING = 30_000;

/** Options of {@link renewFiles}. */
export interface FileRenewalOptions extends Omit<RenewalAgentOptions, 'current' | 'renew'> {
  readonly certificateFile: string;
  /** Replaced together with the certificate; the previous key is kept as `<keyFile>.old`. */
  readonly keyFile: string;
  readonly keyPassphrase?: string | undefined;
  /** The CAs that the service's certificate, and the new certificate, must lead to. Read anew each time. */
  readonly caFile: string;
  /** The service that issued the certificate, as `https://host:port`. */
  readonly url: URL;
  readonly settings?: TlsSettings;
  /** Called once the new files are there: `() => client.reload()`. What it throws becomes a warning of the process, and so does half a minute without an end. */
  readonly onRenewed?: () => Promise<void> | void;
}

/** An agent for a certificate and its key in files, which are renewed by the service that issued the certificate. Call its `start()`. */
export function renewFiles(options: FileRenewalOptions): RenewalAgent {
  const {
    certificateFile,
    keyFile,
    keyPassphrase,
    caFile,
    url,
    settings,
    onRenewed,
    clock = () => new Date(),
    timer = systemTimer,
  } = options;
  const open = (): PairFiles => new PairFiles({ certificateFile, keyFile, keyPassphrase });
  return new RenewalAgent({
    ...options,
    current: () => {
      const pair = open();
      pair.wipe();
      return pair.certificate;
    },
    renew: async () => {
      const pair = open();
      try {
        const caPem = await readText(caFile);
        const [leaf] = await renewPair(pair, { url, caPem, caName: caFile, settings, clock });
        await tell(onRenewed, timer);
        return leaf;
      } finally {
        pair.wipe();
      }
    },
  });
}

/** The new files stay, whatever happens in `onRenewed`, and nobody waits for it for ever. */
async function tell(onRenewed: FileRenewalOptions['onRenewed'], timer: Timer): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = timer(() => {
    reject(new Error(`it took more than ${LONGEST_TELLING / 1000} seconds`));
    return Promise.resolve();
  }, LONGEST_TELLING);
  try {
    await Promise.race([onRenewed?.(), late]);
  } catch (error) {
    process.emitWarning(
      `what is told of a renewed certificate failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    cancel();
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new RenewalError('unusable', `${path} cannot be read (${reasonOf(error)})`, {
      mend: 'look at its name and its permissions',
    });
  }
}
