import type { ForwardedFormatName } from '../../src/mtls/index.js';
import { encodePem } from '../../src/x509/index.js';

/** Headers of one request; a list is one header for each value. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

const pem = (der: Uint8Array): string => encodePem('CERTIFICATE', der);
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');
/** As nginx and Envoy write it. */
export const escapedPem = (text: string): string => encodeURIComponent(text);

/** A certificate as a proxy of each form writes it. */
export const WRITTEN: Readonly<Record<ForwardedFormatName, (der: Uint8Array) => string>> = {
  rfc9440: (der) => `:${base64(der)}:`,
  xfcc: (der) => `By=spiffe://edge/ns/a;Cert="${escapedPem(pem(der))}";Subject="CN=a,O=b";URI=;DNS=a.example`,
  'escaped-pem': (der) => escapedPem(pem(der)),
  'spaced-pem': (der) => pem(der).trimEnd().replaceAll('\n', ' '),
  'base64-der': base64,
};

/** Each name under which somebody might hand a certificate on, with a value as it would be there. */
const FORGED: readonly (readonly [string, ForwardedFormatName])[] = [
  ['Client-Cert', 'rfc9440'],
  ['client-cert', 'base64-der'],
  ['Client-Certificate', 'base64-der'],
  ['X-Client-Cert', 'escaped-pem'],
  ['X-Client-Certificate', 'spaced-pem'],
  ['X-Forwarded-Client-Cert', 'xfcc'],
  ['x-forwarded-client-cert', 'escaped-pem'],
  ['X-Forwarded-SSL-Client-Cert', 'escaped-pem'],
  ['X-Forwarded-Tls-Client-Cert', 'base64-der'],
  ['SSL-Client-Cert', 'escaped-pem'],
  ['ssl-client-escaped-cert', 'escaped-pem'],
  ['X-SSL-Cert', 'spaced-pem'],
  ['X-SSL-Client-Cert', 'escaped-pem'],
  ['x-ssl-client-cert', 'spaced-pem'],
  ['X-SSL-CLIENT-CERT', 'base64-der'],
  ['X-SSL-Client-Certificate', 'escaped-pem'],
  ['X-SSL-Client-DER', 'base64-der'],
  ['x-ssl-client-escaped-cert', 'escaped-pem'],
  ['X-Amzn-Mtls-Clientcert', 'escaped-pem'],
  ['X-Amzn-Mtls-Clientcert-Leaf', 'escaped-pem'],
  ['X-ARR-ClientCert', 'base64-der'],
  ['Cf-Client-Cert-Der-Base64', 'base64-der'],
  // What becomes the same name where headers become variables.
  ['Client_Cert', 'rfc9440'],
  ['client.cert', 'rfc9440'],
  ['X_Forwarded_Client_Cert', 'xfcc'],
  ['X-Forwarded-Client_Cert', 'xfcc'],
  ['X_SSL_Client_Cert', 'escaped-pem'],
  ['x-ssl-client_cert', 'spaced-pem'],
  ['SSL_CLIENT_CERT', 'spaced-pem'],
  ['X_SSL_CLIENT_CERT', 'base64-der'],
];

/** Requests that hand on a certificate which their sender may well have read somewhere, without its key. */
export function forgeries(victim: Uint8Array): readonly { readonly name: string; readonly headers: Headers }[] {
  const single = FORGED.map(([header, format]) => ({
    name: `${header} in ${format}`,
    headers: { [header]: WRITTEN[format](victim) },
  }));
  return [
    ...single,
    { name: 'an empty Client-Cert', headers: { 'Client-Cert': '' } },
    { name: 'a chain alone', headers: { 'Client-Cert-Chain': WRITTEN.rfc9440(victim) } },
    {
      name: 'a chain alone, under another name',
      headers: { 'X-SSL-Client-Cert-Chain': WRITTEN['escaped-pem'](victim) },
    },
    {
      name: 'Client-Cert with its chain',
      headers: { 'Client-Cert': WRITTEN.rfc9440(victim), 'Client-Cert-Chain': WRITTEN.rfc9440(victim) },
    },
    { name: 'Client-Cert twice', headers: { 'Client-Cert': [WRITTEN.rfc9440(victim), WRITTEN.rfc9440(victim)] } },
    { name: 'two elements', headers: { 'X-Forwarded-Client-Cert': `${WRITTEN.xfcc(victim)},${WRITTEN.xfcc(victim)}` } },
    {
      name: 'every form at once',
      headers: {
        'Client-Cert': WRITTEN.rfc9440(victim),
        'X-Forwarded-Client-Cert': WRITTEN.xfcc(victim),
        'X-SSL-Client-Cert': WRITTEN['escaped-pem'](victim),
      },
    },
    { name: 'garbage', headers: { 'X-Forwarded-Client-Cert': 'Hash=00;Subject="CN=admin"' } },
  ];
}

/** What a trusted proxy of a form must not send either: header values that are no certificate, or not one, by what is wrong. */
export const BROKEN: Readonly<
  Record<ForwardedFormatName, (der: Uint8Array) => Readonly<Record<string, string | readonly string[]>>>
> = {
  rfc9440: (der) => ({
    empty: '',
    'an empty Byte Sequence': '::',
    'no colons': base64(der),
    'no colon at the end': `:${base64(der)}`,
    'a parameter': `:${base64(der)}:;a=1`,
    'two members': `:${base64(der)}:, :${base64(der)}:`,
    'two Byte Sequences': `:${base64(der)}::${base64(der)}:`,
    'no padding': `:${base64(withPadding(der)).replaceAll('=', '')}:`,
    'bits behind the padding': `:${base64(Uint8Array.of(1)).replace('AQ==', 'AR==')}:`,
    base64url: ':_-_-:',
    'a space inside': `:${base64(der).slice(0, 4)} ${base64(der).slice(4)}:`,
    'a String': `"${base64(der)}"`,
    PEM: escapedPem(pem(der)),
    'half of it': `:${base64(der.subarray(0, der.length >> 1))}:`,
    'an octet behind it': `:${base64(Buffer.concat([der, Buffer.of(0)]))}:`,
    'it twice in one': `:${base64(Buffer.concat([der, der]))}:`,
    'another DER value': ':MAMCAQE=:',
    twice: [`:${base64(der)}:`, `:${base64(der)}:`],
  }),
  xfcc: (der) => ({
    empty: '',
    'no Cert': 'By=spiffe://edge/a;Subject="CN=billing"',
    'an empty Cert': 'Cert=""',
    'Cert twice': `${WRITTEN.xfcc(der)};Cert="${escapedPem(pem(der))}"`,
    'Cert twice, in another case': `${WRITTEN.xfcc(der)};cert="${escapedPem(pem(der))}"`,
    'two elements': `${WRITTEN.xfcc(der)},${WRITTEN.xfcc(der)}`,
    'an element without a certificate first': `By=spiffe://edge/a,${WRITTEN.xfcc(der)}`,
    'nothing behind a comma': `${WRITTEN.xfcc(der)},`,
    'nothing behind a semicolon': `${WRITTEN.xfcc(der)};`,
    'an unknown key': `${WRITTEN.xfcc(der)};Admin=true`,
    'a key without a value': `Admin;${WRITTEN.xfcc(der)}`,
    'a quote that does not end': `Subject="CN=a;${WRITTEN.xfcc(der).replaceAll('"', '')}`,
    'a Cert inside a Subject': `Subject="CN=a;Cert=${escapedPem(pem(der))}"`,
    'two backslashes before a quote': `Subject="CN=a\\\\";${WRITTEN.xfcc(der)}`,
    'Hash of another': `Hash=${'00'.repeat(32)};${WRITTEN.xfcc(der)}`,
    'Chain of another': `${WRITTEN.xfcc(der)};Chain="${escapedPem(pem(Buffer.of(0x30, 0)))}"`,
    'a Chain of eleven': `${WRITTEN.xfcc(der)};Chain="${escapedPem(pem(der).repeat(11))}"`,
    'more than a hundred pairs': `${WRITTEN.xfcc(der)}${';DNS=a.example'.repeat(100)}`,
    'Cert without escapes': `Cert="${pem(der).replaceAll('\n', ' ')}"`,
    'spaces around the equals sign': `Cert = "${escapedPem(pem(der))}"`,
    twice: [WRITTEN.xfcc(der), WRITTEN.xfcc(der)],
  }),
  'escaped-pem': (der) => ({
    empty: '',
    'no escapes': WRITTEN['spaced-pem'](der),
    'escaped twice': escapedPem(escapedPem(pem(der))),
    'small hexadecimal': escapedPem(pem(der)).replaceAll('%0A', '%0a'),
    'an escape that need not be': escapedPem(pem(der)).replace('-----BEGIN', '%2D----BEGIN'),
    'half an escape': `${escapedPem(pem(der))}%0`,
    'an escaped NUL': `${escapedPem(pem(der))}%00`,
    'carriage returns': escapedPem(pem(der)).replaceAll('%0A', '%0D%0A'),
    'two certificates': escapedPem(pem(der) + pem(der)),
    'text before': `CN%20${escapedPem(pem(der))}`,
    'another label': escapedPem(encodePem('TRUSTED CERTIFICATE', der)),
    'no end': escapedPem(pem(der).slice(0, -10)),
    'one long line': escapedPem(`-----BEGIN CERTIFICATE-----\n${base64(der)}\n-----END CERTIFICATE-----\n`),
    '(null)': '(null)',
    twice: [WRITTEN['escaped-pem'](der), WRITTEN['escaped-pem'](der)],
  }),
  'spaced-pem': (der) => ({
    empty: '',
    '(null)': '(null)',
    'two spaces': WRITTEN['spaced-pem'](der).replace('----- ', '-----  '),
    tabs: pem(der).trimEnd().replaceAll('\n', '\t'),
    'two certificates': `${WRITTEN['spaced-pem'](der)} ${WRITTEN['spaced-pem'](der)}`,
    'percent-encoding': escapedPem(pem(der)),
    'no boundaries': base64(der),
    twice: [WRITTEN['spaced-pem'](der), WRITTEN['spaced-pem'](der)],
  }),
  'base64-der': (der) => ({
    empty: '',
    'a Byte Sequence': `:${base64(der)}:`,
    'two of them': `${base64(der)},${base64(der)}`,
    hexadecimal: Buffer.from(der).toString('hex'),
    'no padding': base64(withPadding(der)).replaceAll('=', ''),
    'more padding': `${base64(der).replaceAll('=', '')}====`,
    'half of it': base64(der.subarray(0, der.length >> 1)),
    'white space': base64(der).replace(/^.{64}/, '$& '),
    twice: [base64(der), base64(der)],
  }),
};

/** The same octets or one more or two, so that their base64 needs padding; what they say is not looked at. */
const withPadding = (der: Uint8Array): Uint8Array => (der.length % 3 === 0 ? Buffer.concat([der, Buffer.of(0)]) : der);
