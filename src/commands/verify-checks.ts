import type { KeyObject } from 'node:crypto';
import type { Configuration } from '../configuration/index.js';
import { NoServiceNameError, serviceNameOf, spiffeIdOf, type Decision, type ServiceName } from '../mtls/index.js';
import type { RevocationStatus } from '../revocation/index.js';
import type { CertificateRow } from '../store/index.js';
import { plain } from './output.js';
import {
  attributeValues,
  generalNameToString,
  KeyUsage,
  nameToString,
  needsNoRevocationStatus,
  Oid,
  oidName,
  sameKey,
  subjectPublicKeyInfoOf,
  validateCertificatePath,
  type Certificate,
  type PathFailureCode,
  type PathResult,
} from '../x509/index.js';

export type Purpose = 'client' | 'server';

/** A finding. `mend` says what to do when it is not ok. */
export interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly mend?: string;
}

const WAIT = 'compare the clocks of both machines, or wait';
const REISSUE = 'issue a new one: veritas issue, or veritas sign';
const purposeMendOf = (purpose: Purpose): string => `issue it with --profile ${purpose} or --profile service`;

/** The certificate that is examined, with everything that is known about it. */
export interface VerifySubject {
  readonly leaf: Certificate;
  /** The certificates after the leaf in its file. */
  readonly offered: readonly Certificate[];
  /** The intermediates from which whoever validates the leaf can build a path. */
  readonly intermediates: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  /** The row in our store of a certificate that one of our CAs issued; undefined when there is no store. */
  readonly recordOf: ((certificate: Certificate) => CertificateRow | undefined) | undefined;
  /** Why a certificate is revoked that our CA issued after the backup from which the store was restored. */
  readonly lostReasonOf: ((certificate: Certificate) => string | undefined) | undefined;
  /** The revocation lists of other CAs, for certificates that the store does not know. */
  readonly lists: RevocationStatus;
  /** The public half of the private key that should belong to the leaf. */
  readonly publicKey: KeyObject | undefined;
  readonly purpose: Purpose;
  readonly policy: Pick<Configuration['mtls'], 'issuerOrganization' | 'serviceFrom' | 'revocation'>;
  /** Whether another trust domain vouches for it. */
  readonly isFederated: boolean;
  /** Whether the service of that name is let in by the leaf, and why not; a shadow means that it is only being tried. */
  readonly askList: (service: string) => Decision;
  readonly now: Date;
}

type Seen<Key extends keyof VerifySubject> = Pick<VerifySubject, Key>;
type CheckOf = (subject: VerifySubject) => Check | Check[];

/** Runs every check, in the order of the guard, so that mending one failure does not lead straight to the next refusal. */
export const runChecks = (subject: VerifySubject): Check[] => CHECKS.flatMap((check) => check(subject));

/** The checks that need only the certificate and its key. */
export const runOwnChecks = (subject: Seen<'leaf' | 'offered' | 'publicKey' | 'purpose' | 'now'>): Check[] => [
  readable(subject),
  ...datesOf([subject.leaf], subject.now),
  keyUsage(subject),
  ...key(subject),
];

const readable = ({ leaf, offered }: Seen<'leaf' | 'offered'>): Check => ({
  check: 'readable',
  ok: true,
  detail: `${offered.length + 1} certificate${offered.length === 0 ? '' : 's'}, the first is ${nameToString(leaf.subject)}`,
});

const datesOf = (certificates: readonly Certificate[], now: Date): Check[] =>
  certificates.map((certificate) => ({
    check: 'dates',
    ok: now >= certificate.notBefore && now <= certificate.notAfter,
    detail: `${nameToString(certificate.subject)} is valid from ${certificate.notBefore.toISOString()} until ${certificate.notAfter.toISOString()}`,
    mend: now < certificate.notBefore ? WAIT : REISSUE,
  }));

/** The dates of the path below its anchor; without a path, those of the leaf and of whatever carries its issuer's name. */
const dates: CheckOf = (subject) => {
  const { leaf, intermediates, now } = subject;
  const result = pathOf(subject);
  return datesOf(
    result.ok
      ? result.path.certificates.slice(0, -1)
      : [leaf, ...intermediates.filter((each) => each.subject.key === leaf.issuer.key)],
    now,
  );
};

const path: CheckOf = (subject) => {
  const result = pathOf(subject);
  if (result.ok)
    return {
      check: 'path',
      ok: true,
      detail: result.path.certificates.map((certificate) => nameToString(certificate.subject)).join(' <- '),
    };
  return {
    check: 'path',
    ok: false,
    detail: result.reason.message,
    mend: pathMendOf(subject, result.reason.code),
  };
};

/** What mends a path that breaks a rule. A rule that has a check of its own has the same mend there. */
function pathMendOf(subject: VerifySubject, code: PathFailureCode): string {
  if (validate(subject, subject.offered).ok)
    // A CA of ours that is not trusted was removed, or is not published yet.
    return subject.offered.some((each) => subject.recordOf?.(each))
      ? REISSUE
      : 'a service takes issuing CAs from its own files alone: put this one into mtls.intermediatesFile, or set mtls.presentedIntermediates';
  if (subject.leaf.extensions.basicConstraints?.cA === true)
    return 'name the certificate of a service, not that of a CA';
  switch (code) {
    case 'untrusted':
    case 'malformed':
    case 'bad_signature':
      return 'trust the root in tls.caFile; put the issuing CA after the leaf (server), or into mtls.intermediatesFile (client)';
    case 'expired':
      return REISSUE;
    case 'not_yet_valid':
      return WAIT;
    case 'extended_key_usage':
      return purposeMendOf(subject.purpose);
    default:
      return 'have it issued anew by a CA that keeps to this rule (RFC 5280 §6)';
  }
}

/** The path, over CAs that are not revoked where there is one, as in the guard. */
function pathOf(subject: VerifySubject): PathResult {
  const accepts = ([, ...above]: readonly Certificate[]): boolean =>
    above.every((ca, i) => i === above.length - 1 || revocationOf(ca, above[i + 1], subject).ok);
  const result = validate(subject, subject.intermediates, accepts);
  return result.ok ? result : validate(subject, subject.intermediates);
}

const validate = (
  { leaf, anchors, now, purpose }: VerifySubject,
  intermediates: readonly Certificate[],
  accepts?: (path: readonly Certificate[]) => boolean,
) =>
  validateCertificatePath({
    accepts,
    leaf,
    intermediates,
    anchors,
    time: now,
    purposes: [purpose === 'client' ? 'clientAuth' : 'serverAuth'],
    extendedKeyUsageRequired: purpose === 'client',
  });

const issuerOrganization: CheckOf = ({ leaf, policy, isFederated }) => {
  if (isFederated) return [];
  const organizations = attributeValues(leaf.issuer, Oid.organizationName);
  return {
    check: 'issuer organization',
    ok: organizations.length === 1 && organizations[0] === policy.issuerOrganization,
    detail: organizations.join(', ') || 'none',
    mend: `have it issued by a CA of ${policy.issuerOrganization}, or set mtls.issuerOrganization`,
  };
};

const keyUsage = ({ leaf: { extensions }, purpose }: Seen<'leaf' | 'purpose'>): Check => {
  const wanted = purpose === 'client' ? Oid.clientAuth : Oid.serverAuth;
  const purposes = extensions.extendedKeyUsage ?? [];
  const signs = extensions.keyUsage?.has(KeyUsage.digitalSignature) ?? true;
  return {
    check: 'key usage',
    ok: purposes.includes(wanted) && signs && extensions.basicConstraints?.cA !== true,
    detail: `${purposes.map(oidName).join(', ') || 'no extendedKeyUsage'}${signs ? '' : ', without digitalSignature'}`,
    mend: purposeMendOf(purpose),
  };
};

/** X509-SVID §5.2 forbids cRLSign, which RFC 5280 allows. */
const clientKeyUsage: CheckOf = (subject) => {
  const { leaf, purpose, policy } = subject;
  const check = keyUsage(subject);
  const isSvid = purpose === 'client' && policy.serviceFrom.includes('spiffe') && spiffeIdOf(leaf) !== undefined;
  return isSvid && leaf.extensions.keyUsage?.has(KeyUsage.cRLSign)
    ? {
        ...check,
        ok: false,
        detail: `${check.detail}, with cRLSign, which the certificate of a SPIFFE ID may not have`,
      }
    : check;
};

const revocation: CheckOf = (subject) => {
  const result = pathOf(subject);
  // An anchor is trusted by hand, and nobody can revoke it.
  const path = result.ok ? result.path.certificates : [];
  const asked = result.ok ? path.slice(0, -1) : [subject.leaf];
  return asked.map((certificate, i) => revocationOf(certificate, path[i + 1], subject));
};

function revocationOf(certificate: Certificate, issuer: Certificate | undefined, subject: VerifySubject): Check {
  const { recordOf, lostReasonOf } = subject;
  const name = nameToString(certificate.subject);
  const listed = issuer && subject.lists.statusOf(certificate, issuer, subject.now);
  if (listed?.status === 'revoked' && listed.reason !== 'certificateHold')
    return revokedOn(name, listed.revocationDate, listed.reason);
  const record = recordOf?.(certificate);
  if (record)
    return record.revoked_at === null
      ? { check: 'revocation', ok: true, detail: `${name} is not revoked` }
      : revokedOn(name, new Date(record.revoked_at), record.revocation_reason ?? 'unspecified');
  const lost = lostReasonOf?.(certificate);
  if (lost !== undefined)
    return { check: 'revocation', ok: false, detail: `${name} was revoked (${lost})`, mend: mendOf(lost) };
  if (listed?.status === 'good')
    return { check: 'revocation', ok: true, detail: `${name} is not revoked, by ${listed.source}` };
  if (listed?.status === 'revoked') return revokedOn(name, listed.revocationDate, listed.reason);
  const detail = recordOf === undefined ? 'there is no store to ask' : `the store does not know ${name}`;
  return {
    check: 'revocation',
    ok:
      subject.policy.revocation !== 'hard-fail' ||
      (certificate === subject.leaf && needsNoRevocationStatus(certificate)),
    detail: listed ? `${detail}; ${listed.why}` : detail,
    mend: 'for a certificate of another CA, name its revocation list in mtls.crls',
  };
}

const revokedOn = (name: string, date: Date, reason: string): Check => ({
  check: 'revocation',
  ok: false,
  detail: `${name} was revoked on ${date.toISOString()} (${reason})`,
  mend: mendOf(reason),
});

const mendOf = (reason: string): string =>
  reason === 'certificateHold'
    ? `release it with veritas revoke SERIAL --release, or make a new key and have it certified: veritas issue`
    : 'make a new key and have it certified: veritas issue';

const serviceName: CheckOf = ({ leaf, policy, askList, purpose, isFederated }) => {
  if (purpose === 'server') {
    const names = leaf.extensions.subjectAltName ?? [];
    return {
      check: 'names',
      ok: names.length > 0,
      detail: names.map(generalNameToString).join(', ') || 'none',
      mend: 'issue it with --san DNS:name for each name that clients use',
    };
  }
  let named: ServiceName;
  try {
    const places = policy.serviceFrom.filter((place) => !isFederated || place === 'spiffe');
    named = serviceNameOf(leaf, places);
  } catch (error) {
    if (!(error instanceof NoServiceNameError)) throw error;
    return { check: 'service name', ok: false, detail: error.message, mend: error.mend };
  }
  const { service, serviceFrom } = named;
  const decision = askList(service);
  return [
    { check: 'service name', ok: true, detail: `${service}, by its ${serviceFrom}` },
    {
      check: 'allow-list',
      ok: decision.allowed,
      detail: decision.allowed
        ? decision.shadow
          ? `allowed, as a shadow only: ${decision.shadow.reason}`
          : 'allowed'
        : decision.reason,
      mend: `look with \`veritas services show ${service}\`; let it in with \`veritas services allow ${service}\`, or add it to mtls.services`,
    },
  ];
};

const key = ({ leaf, publicKey }: Seen<'leaf' | 'publicKey'>): Check[] =>
  publicKey === undefined
    ? []
    : [
        {
          check: 'key',
          ok: sameKey(subjectPublicKeyInfoOf(publicKey), leaf.publicKey),
          detail: 'the private key and the certificate',
          mend: 'use the key that the certificate was requested with',
        },
      ];

const CHECKS: readonly CheckOf[] = [
  readable,
  dates,
  path,
  issuerOrganization,
  clientKeyUsage,
  revocation,
  serviceName,
  key,
];

/** A finding, for a person. */
export function describeCheck({ check, ok, detail, mend }: Check): string {
  const line = plain(`${ok ? 'pass' : 'FAIL'}  ${check}: ${detail}`);
  return ok || mend === undefined ? line : `${line}\n      mend: ${plain(mend)}`;
}
