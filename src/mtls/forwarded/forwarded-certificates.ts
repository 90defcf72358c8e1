import type { VerifiedClientIdentity } from '../client-identity.js';
import { MtlsRefusal, type RefusalCode } from '../mtls.errors.js';
import type { IdentifiedRequest } from '../identified-request.js';
import { presentedCertificate, type Peer, type PeerOf, type PresentedCertificate } from '../peer-certificate.js';
import type { PeerVerifier } from '../peer-verifier.js';
import { takeHeaders } from './carried-headers.js';
import { decodeForwarded, type ForwardedFormatName } from './forwarded-format.js';
import { ForwardedHeaderError } from './forwarded-header-error.js';
import { valuesOf, type ProxyRule, type TrustedProxies } from './trusted-proxies.js';

/** A certificate as it came in a header. For as long as it is remembered, the verifier remembers it by `connection`. */
interface Forwarded {
  readonly format: ForwardedFormatName;
  readonly connection: object;
  readonly certificate: PresentedCertificate;
}

// Whether the sender is a proxy cannot be said at the moment, which is nobody's mistake.
const UNDECIDED: ReadonlySet<RefusalCode> = new Set(['revocation_unknown', 'validation_failed']);
// Characters of the headers: enough for some eight thousand clients, and 32 MiB together with the octets read from them.
const MAX_REMEMBERED_CHARACTERS = 16 * 1024 * 1024;

/**
 * The client certificates that trusted proxies forward. A header that carries one is taken off every request, whoever sends it. The request is
 * refused unless the certificate on its own connection is, at this moment, that of a listed proxy.
 */
export class ForwardedCertificates {
  readonly #peers = new WeakMap<IdentifiedRequest['raw'], Peer>();
  // As long as no proxy has forwarded a certificate, no request has to be looked up.
  #areAny = false;
  // By the header's text: equal text means equal octets, which are read once.
  readonly #remembered = new Map<string, Forwarded>();
  #characters = 0;

  constructor(
    readonly proxies: TrustedProxies,
    private readonly socketPeerOf: PeerOf,
  ) {}

  /** The client behind the proxy, for a request whose header was taken; else whoever holds the connection. */
  readonly peerOf: PeerOf = (request) =>
    (this.#areAny ? this.#peers.get(request.raw) : undefined) ?? this.socketPeerOf(request);

  /** Takes such headers off a request, and keeps their certificate for {@link peerOf}. Throws {@link MtlsRefusal}. */
  take(request: IdentifiedRequest, verifier: PeerVerifier): void {
    const carried = takeHeaders(request.raw, this.proxies.headers);
    if (!carried) return;
    const rule = this.#ruleOfHolder(request, verifier);
    try {
      const { connection, certificate } = this.#read(rule, valuesOf(carried, rule));
      this.#areAny = true;
      this.#peers.set(request.raw, { connection, certificate: () => certificate, proxy: rule.service });
      request.forwardedBy = rule.service;
    } catch (error) {
      if (!(error instanceof ForwardedHeaderError)) throw error;
      const { message, defect } = error;
      throw new MtlsRefusal('client_certificate_malformed', `the header with the client certificate: ${message}`, {
        proxy: rule.service,
        defect,
        headers: carried.map(({ name }) => name),
      });
    }
  }

  #ruleOfHolder(request: IdentifiedRequest, verifier: PeerVerifier): ProxyRule {
    let holder: VerifiedClientIdentity;
    try {
      holder = verifier.identifyHolder(this.socketPeerOf(request));
    } catch (error) {
      if (!(error instanceof MtlsRefusal) || UNDECIDED.has(error.code)) throw error;
      // The caller behind a proxy whose certificate has expired did nothing wrong with their own certificate: the details are for the log.
      throw notOfAProxy({ ...error.evidence, sender_refused: error.code }, error.endsConnection);
    }
    const rule = this.proxies.ruleOf(holder);
    if (rule) return rule;
    throw notOfAProxy({ sender: holder.service, fingerprint256: holder.fingerprint256 });
  }

  #read({ format }: ProxyRule, { value, chain }: ReturnType<typeof valuesOf>): Forwarded {
    const text = chain === undefined ? value : `${value}\n${chain}`;
    const remembered = this.#remembered.get(text);
    if (remembered?.format === format) return remembered;
    const [leaf, ...above] = decodeForwarded(format, value, chain);
    const certificate = presentedCertificate(leaf, above);
    const forwarded = { format, connection: {}, certificate };
    if (!remembered) this.#characters += text.length;
    this.#remembered.set(text, forwarded);
    for (const [oldest] of this.#remembered) {
      if (this.#characters <= MAX_REMEMBERED_CHARACTERS) break;
      this.#remembered.delete(oldest);
      this.#characters -= oldest.length;
    }
    return forwarded;
  }
}

const notOfAProxy = (evidence: object, endsConnection = false): MtlsRefusal =>
  new MtlsRefusal(
    'client_certificate_malformed',
    'a header with a client certificate came over a connection that is not that of a trusted proxy',
    { ...evidence },
    { endsConnection },
  );
