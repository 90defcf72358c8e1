import { PkiError } from '../pki/index.js';
import { lastCrlHeader, listIssuers, type Store } from '../store/index.js';
import { decodeCertificate } from '../x509/index.js';
import { certificateToJson, certificateToPairs } from './certificate-description.js';
import { describePairs } from './output.js';
import { requester, withAuthority, withStore, type Session } from './session.js';

/** `veritas ca init`: makes the root and the issuing CA where there are none, and their first revocation lists. */
export async function caInit(session: Session): Promise<void> {
  await withAuthority(session, { create: true }, async (authority) => {
    await authority.crls.publishIfDue(requester());
    for (const path of authority.published) session.output.progress(`Wrote ${path}.`);
    if (authority.published.length === 0) session.output.progress('The CA was there already; nothing was changed.');
    await describe(session, authority.store);
  });
}

/** `veritas ca show`: the certificates of the CAs, and the state of their revocation lists. */
export async function caShow(session: Session): Promise<void> {
  await withStore(session, (store) => describe(session, store));
}

async function describe({ output }: Session, { database, name }: Store): Promise<void> {
  const all = [];
  const issuers = (await listIssuers(database)).sort((a, b) => Number(b.role === 'root') - Number(a.role === 'root'));
  for (const { id, role, state, key_place: key, der } of issuers) {
    const last = await lastCrlHeader(database, { issuer: id, scope: 'complete' });
    const crl = last ? { number: last.number, next_update: new Date(last.next_update).toISOString() } : null;
    all.push({ id, role, state, key, certificate: decodeCertificate(der), crl });
  }
  if (all.length === 0) throw new PkiError('authority_missing', `there is no CA in the store ${name} yet`);
  output.result(
    all.map(({ id, role, state, key, certificate, crl }) => ({
      id,
      role,
      state,
      key,
      ...certificateToJson(certificate),
      crl,
    })),
    all
      .map(({ id, state, key, certificate, crl }) =>
        describePairs([
          ['Id', id],
          ['State', key === 'here' ? state : `${state}, its key is elsewhere`],
          ...certificateToPairs(certificate),
          ['Revocation list', crl ? `number ${crl.number}, until ${crl.next_update}` : 'none yet'],
        ]),
      )
      .join('\n\n'),
  );
}
