import { createDevelopmentMaterial } from '../pki/index.js';
import { requester, withAuthority, type Session } from './session.js';

/** `veritas setup`: makes everything that development needs. A second call changes nothing. */
export async function setup(session: Session): Promise<void> {
  await withAuthority(session, { create: true }, async (authority) => {
    const by = requester();
    const trust = authority.trustFiles.map((path) => ({
      path,
      outcome: authority.published.includes(path) ? ('made' as const) : ('kept' as const),
    }));
    const files = [...trust, ...(await createDevelopmentMaterial(authority, { requester: by, now: session.now }))];
    await authority.crls.publishIfDue(by);
    // A service that may only read these folders cannot make them.
    await authority.ocsp?.prepare();
    session.output.result(
      { files },
      files
        .map((file) => `${file.outcome.padEnd(7)}  ${file.path}${'note' in file ? ` (${file.note ?? ''})` : ''}`)
        .join('\n'),
    );
  });
}
