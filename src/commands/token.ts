import { shellWord } from '../configuration/index.js';
import type { GeneralName } from '../x509/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { requester, withAuthority, type Session } from './session.js';

/** The flags of `veritas token`. Lengths of time in seconds. */
export interface TokenOptions {
  readonly service: string;
  readonly profile?: string;
  readonly san?: readonly GeneralName[];
  /** How long the token is valid. */
  readonly ttl?: number;
  /** How long the certificate is valid. */
  readonly lifetime?: number;
}

/** `veritas token`: makes a one-time token for a first certificate. Only the token goes to stdout, so that it can be kept in a variable. */
export async function token(session: Session, options: TokenOptions): Promise<void> {
  await withAuthority(session, {}, async ({ enrollment }, { http, tls }) => {
    const { service, profile, san: names, ttl, lifetime } = options;
    const made = await enrollment.createToken({ service, profile, names, ttl, lifetime, requester: requester() });
    const until = made.expiresAt.toISOString();
    session.output.progress(
      [
        `Good for one certificate of ${service}, until ${until}. On the service's machine, with the token in TOKEN:`,
        `  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${service}.key -subj /CN=${service} -out ${service}.csr`,
        `  printf 'Authorization: Bearer %s' "$TOKEN" | curl -f --cacert ${shellWord(tls.caFile)} -H @- -H 'Content-Type: application/pkcs10' -H 'Accept: application/pem-certificate-chain' --data-binary @${service}.csr -o ${service}.pem https://localhost:${http.port}/api/v1/certificates/enrollment`,
      ].join('\n'),
    );
    session.output.result({ token: made.token, service, expires_at: until }, made.token);
  });
}

/** `veritas token --end`: ends the tokens of a service that were not traded. Throws CommandError when there is more than the service. */
export async function endTokens(
  session: Session,
  { service, profile, san, ttl, lifetime }: TokenOptions,
): Promise<void> {
  if ([profile, san, ttl, lifetime].some((each) => each !== undefined))
    throw new CommandError(
      'tokens are ended by their service alone',
      ExitCode.usage,
      'leave out what a new token is for, or --end',
    );
  await withAuthority(session, {}, async ({ enrollment }) => {
    const tokens = await enrollment.endTokens({ service, requester: requester() });
    session.output.result(
      { ended: tokens, service },
      tokens === 0
        ? `no token of ${service} is left that could be ended`
        : `${tokens} ${tokens === 1 ? 'token' : 'tokens'} of ${service} ended`,
    );
  });
}
