import type { AuthorityKeyType } from './issuer/new-key.js';
import type { Pkcs11Settings } from './issuer/pkcs11-protocol.js';
import type { ProfileDefinition } from './profile/profile-definition.js';
import type { RequestingService } from './profile/requesters.js';
import type { ReservedNames } from './profile/reserved-names.js';

/** What the room pki needs to know, proven elsewhere. Lengths of time in seconds. */
export interface PkiSettings {
  /** The folder of the CA's encrypted private keys. */
  readonly directory: string;
  readonly passphraseFile: string;
  /** What kind of key is made in `directory` for a new CA; P-256 when absent. */
  readonly keyType?: AuthorityKeyType;
  /** The keys are on a token instead of in `directory`. */
  readonly pkcs11?: Pkcs11Settings;
  /** The folder of the public certificates; the parent of `directory` when absent. */
  readonly certsDirectory?: string;
  /** Where CRLs are written, for others to serve; nowhere when absent. */
  readonly crlDirectory?: string;
  /** The organization (O) in every name the CA writes. */
  readonly organization: string;
  readonly crlLifetime: number;
  readonly crlOverlap: number;
  /** Answer OCSP for our CAs, and name the place in certificates; false when absent. */
  readonly ocsp?: boolean;
  /** From thisUpdate to nextUpdate of an OCSP response; an hour when absent. */
  readonly ocspLifetime?: number;
  /** How long before nextUpdate an OCSP response that was kept is signed anew; a quarter of the lifetime when absent. */
  readonly ocspOverlap?: number;
  /** From thisUpdate to nextUpdate of delta CRLs; 0 or absent: there are none. */
  readonly crlDeltaLifetime?: number;
  /** How many shards the certificates of the issuing CAs are spread over; 0, 1 or absent: there are none. */
  readonly crlShards?: number;
  /** Where clients reach the repository, without a trailing slash. */
  readonly publicationUrl: string;
  readonly serviceLifetime: number;
  /** Profiles besides those that are built in, or in their place. */
  readonly profiles?: readonly ProfileDefinition[];
  readonly backdate: number;
  /** How long after its end a certificate can be renewed with itself; not at all when absent. */
  readonly renewalGrace?: number;
  /** What else decides who may do what, as JSON without secrets: a change is recorded. */
  readonly policy?: Readonly<Record<string, unknown>>;
  /** What only operators and administrators have certified, asked at each request; nothing when absent. */
  readonly reservedNames?: () => ReservedNames;
}

/** Who asked, for the record: `actor` is a service, a user of the machine, or a part of the program. */
export interface Requester {
  readonly actor: string;
  readonly requestId: string;
  /**
   * `operator`: who runs the CA, at the command line, or the program itself, may have every name. A service, proven by its certificate of this CA: what the
   * profile's rules give. Absent: only what nobody needs a rule for.
   */
  readonly standing?: 'operator' | RequestingService;
}
