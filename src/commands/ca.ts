import type { CertificationAuthority } from '../pki/index.js';
import { certificateToJson, certificateToPairs } from './certificate-description.js';
import { describePairs } from './output.js';
import { requester, withAuthority, type Session } from './session.js';

/** `veritas ca init`: makes the root and the issuing CA where there are none, and their first revocation lists. */
export async function caInit(session: Session): Promise<void> {
  await withAuthority(session, { create: true }, async (authority) => {
    await authority.crls.publishIfDue(requester());
    for (const path of authority.published) session.output.progress(`Wrote ${path}.`);
    if (authority.published.length === 0) session.output.progress('The CA was there already; nothing was changed.');
    describe(session, authority);
  });
}

/** `veritas ca show`: the certificates of the CAs, and the state of their revocation lists. */
export async function caShow(session: Session): Promise<void> {
  await withAuthority(session, {}, (authority) => {
    describe(session, authority);
    return Promise.resolve();
  });
}

function describe({ output }: Session, { ca, crls }: CertificationAuthority): void {
  const all = ca.authorities.map(({ id, role, state, keyHere, certificate }) => ({
    id,
    role,
    state,
    key: keyHere ? 'here' : 'elsewhere',
    certificate,
    crl: crls.current(id),
  }));
  output.result(
    all.map(({ id, role, state, key, certificate, crl }) => ({
      id,
      role,
      state,
      key,
      ...certificateToJson(certificate),
      crl: crl ? { number: crl.number, next_update: crl.nextUpdate.toISOString() } : null,
    })),
    all
      .map(({ id, state, key, certificate, crl }) =>
        describePairs([
          ['Id', id],
          ['State', key === 'here' ? state : `${state}, its key is elsewhere`],
          ...certificateToPairs(certificate),
          ['Revocation list', crl ? `number ${crl.number}, until ${crl.nextUpdate.toISOString()}` : 'none yet'],
        ]),
      )
      .join('\n\n'),
  );
}
