import type { Command } from 'commander';
import type { InstallOptions } from './ca-external.js';
import type { RolloverOptions } from './ca-rollover.js';
import { sessionOf, verb, verbs, type CommonOptions, type Host } from './verb.js';

/** The verbs below `veritas ca`. Each verb's file is read when it is called. */
export function addCa(program: Command, host: Host): void {
  const ca = verbs(program, 'ca', 'The certification authority itself.', [
    ['veritas ca init', 'root and issuing CA, where there are none'],
    ['veritas ca show', 'which there are, and their revocation lists'],
    ['veritas ca rollover status', 'can one be replaced, or removed?'],
  ]);
  verb(ca, 'init', 'Make root and issuing CA where there are none.', [
    ['veritas ca init', 'keys in certs/ca/, certificates in certs/'],
    ['veritas ca init --json', 'the certificates for a script'],
    ['VERITAS_PKI_ORGANIZATION="Example Ltd" veritas ca init', 'with another organization in its names'],
  ]).action(async (options: CommonOptions) => {
    const { caInit } = await import('./ca.js');
    await caInit(sessionOf(host, options));
  });
  verb(ca, 'show', 'Show the CA certificates and the state of the revocation lists.', [
    ['veritas ca show', 'for a person'],
    ['veritas ca show --json', 'for a script'],
    ['veritas ca show --config /etc/veritas.yaml', 'of another configuration'],
  ]).action(async (options: CommonOptions) => {
    const { caShow } = await import('./ca.js');
    await caShow(sessionOf(host, options));
  });
  addExternalRoot(ca, host);
  addRollover(ca, host);
}

function addExternalRoot(ca: Command, host: Host): void {
  verb(ca, 'request', 'Make the key of an issuing CA, and a request for a root that is kept elsewhere.', [
    ['veritas ca request --out issuing.csr', 'to be signed by the root'],
    ['veritas ca request | ssh vault sign-ca > issuing.pem', 'by way of stdout'],
    ['veritas ca request --json', 'with its id and subject'],
  ])
    .option('--out <file>', 'where the request goes (default: stdout)')
    .action(async (options: CommonOptions & { readonly out?: string }) => {
      const { caRequest } = await import('./ca-external.js');
      await caRequest(sessionOf(host, options), options);
    });
  verb(ca, 'install', 'Bring in what a root that is kept elsewhere signed.', [
    ['veritas ca install --cert issuing.pem --root root.pem', 'the certificate that was requested'],
    ['veritas ca install --crl root.crl', "the root's next revocation list"],
    ['veritas ca install --cert issuing.pem --root root.pem --crl root.crl', 'all at once'],
  ])
    .option('--cert <file>', 'the certificate of the issuing CA, PEM or DER')
    .option('--root <file>', 'the certificate of the root that signed it')
    .option('--crl <file>', "the root's revocation list, PEM or DER")
    .action(async (options: CommonOptions & InstallOptions) => {
      const { caInstall } = await import('./ca-external.js');
      await caInstall(sessionOf(host, options), options);
    });
}

const STEPS = {
  prepare: [
    'Make the next CA: key and certificate, in nothing yet.',
    'drop it again; what was signed for it is revoked',
  ],
  publish: [
    'Put the next CA into the trust bundle, and serve its certificate and revocation list.',
    'take it out again; refused while a certificate depends on it',
  ],
  activate: ['Have the next CA sign from now on.', 'have the one before it sign again'],
  retire: ['Say of the CA before that it will not sign again; its revocation lists go on.', 'let it come back'],
  remove: ['Take a retired CA out of the trust bundle; refused while a certificate depends on it.', 'put it in again'],
} as const;

function addRollover(ca: Command, host: Host): void {
  const rollover = verbs(ca, 'rollover', 'Replace an issuing CA or the root, in stages.', [
    ['veritas ca rollover status', 'where each CA stands, and what comes next'],
    ['veritas ca rollover prepare', 'then publish, activate, retire and remove: the stages of an issuing CA'],
    ['veritas ca rollover prepare --root', 'the same for the root; every stage takes --back'],
  ]);
  verb(rollover, 'status', 'Show where each CA stands, and whether it can be removed.', [
    ['veritas ca rollover status', 'for a person'],
    ['veritas ca rollover status --json', 'for a script: .issuers[].safe_to_remove'],
    ['veritas ca rollover status --config /etc/veritas.yaml', 'of another configuration'],
  ]).action(async (options: CommonOptions) => {
    const { caRolloverStatus } = await import('./ca-rollover.js');
    await caRolloverStatus(sessionOf(host, options));
  });
  for (const [step, [what, back]] of Object.entries(STEPS) as [keyof typeof STEPS, readonly [string, string]][])
    verb(rollover, step, what, [
      [`veritas ca rollover ${step}`, 'an issuing CA below the root in use'],
      [`veritas ca rollover ${step} --root`, 'a root, with the issuing CA below it'],
      [`veritas ca rollover ${step} --back`, back],
    ])
      .option('--issuer <id>', 'the CA that is meant, where several fit: see `veritas ca rollover status`')
      .option('--root', 'the root, with the issuing CAs below it')
      .option('--back', 'take the step back')
      .action(async (options: CommonOptions & RolloverOptions) => {
        const { caRollover } = await import('./ca-rollover.js');
        await caRollover(sessionOf(host, options), step, options);
      });
}
