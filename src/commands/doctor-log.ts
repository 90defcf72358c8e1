import { CHECK_OF, checksUpTo, REFUSALS, type RefusalCode } from '../mtls/index.js';
import { plain } from './output.js';
import { describeCheck, type Check } from './verify-checks.js';

/** A refusal as it is in the log. */
export interface LoggedRefusal {
  readonly time: string | null;
  readonly code: RefusalCode;
  readonly method: string | null;
  readonly route: string | null;
  readonly checks: readonly Check[];
}

/** No line of ours is as long. A log that was cut off while it was written to begins with a gap, which may be of any size. */
const MOST_CHARACTERS = 256 * 1024;

type Line = Readonly<Record<string, unknown>>;

/** Every refusal of one request, in the order of the log. Lines that are not JSON are passed over. Throws what reading throws. */
export async function refusalsIn(log: AsyncIterable<Buffer | string>, id: string): Promise<LoggedRefusal[]> {
  const refusals: LoggedRefusal[] = [];
  for await (const text of linesOf(log)) {
    // Most lines are about something else, and are not parsed.
    if (!text.includes(id)) continue;
    const line = lineIn(text);
    if (line?.request_id !== id || line.event !== 'refused' || !isCode(line.code)) continue;
    refusals.push({
      time: timeIn(line),
      code: line.code,
      method: textIn(line, 'method') ?? null,
      route: textIn(line, 'route') ?? null,
      checks: checksIn(line, line.code),
    });
  }
  return refusals;
}

async function* linesOf(log: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of log) {
    const lines = (rest + (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MOST_CHARACTERS) rest = '';
  }
  yield rest;
}

/** A refusal, for a person. */
export function describeRefusal({ time, code, method, route, checks }: LoggedRefusal): string {
  const what = [method, route].filter((part) => part !== null).join(' ');
  return [
    plain(`${time ?? 'at some time'}  ${what === '' ? 'a request' : what} was refused: ${code}`),
    ...checks.map(describeCheck),
  ].join('\n');
}

/** The checks in the line; for a line of another version, those that its code implies. */
function checksIn(line: Line, code: RefusalCode): Check[] {
  const given = Array.isArray(line.checks) ? (line.checks as readonly unknown[]).flatMap(checkIn) : [];
  const checks = given.length > 0 ? given : checksUpTo(code);
  return checks.map(({ check, ok }) => ({
    check,
    ok,
    detail: ok ? seenOf(check, line) : `${textIn(line, 'reason') ?? code}${evidenceOf(line)}`,
    ...(ok ? {} : { mend: mendOf(line, code) }),
  }));
}

function mendOf(line: Line, code: RefusalCode): string {
  const proxy = textIn(line, 'proxy');
  if (code === 'client_certificate_required' && proxy !== undefined)
    return `The connection is that of the proxy ${proxy}: present a client certificate to it, and look that it hands that on.`;
  if (code === 'client_certificate_malformed') {
    const [sender, why] = [textIn(line, 'sender'), textIn(line, 'sender_refused')];
    if (isCode(why))
      return `The sender of the header (${textIn(line, 'subject') ?? 'without a certificate'}) was refused with ${why}. ${REFUSALS[why].mend}`;
    if (sender !== undefined)
      return `List ${sender} in mtls.trustedProxies if it is a proxy, or have it send no such header.`;
    if (proxy !== undefined && textIn(line, 'defect') !== undefined)
      return `Set the proxy ${proxy} up as mtls.trustedProxies has it: one header, in its one form, with one certificate.`;
  }
  return textIn(line, 'mend') ?? REFUSALS[code].mend;
}

const checkIn = (value: unknown) => {
  const { check, ok } = isLine(value) ? value : {};
  return typeof check === 'string' && typeof ok === 'boolean' ? [{ check, ok }] : [];
};

/** What the line says about a check that passed. */
function seenOf(check: string, line: Line): string {
  const text = (name: string): string => textIn(line, name) ?? 'unknown';
  // A request over its rate is logged only with the fingerprint of its certificate.
  const described = textIn(line, 'subject') !== undefined;
  switch (check) {
    case CHECK_OF.client_certificate_required:
      return 'one was presented';
    case CHECK_OF.client_certificate_malformed:
      return described
        ? `${text('subject')}, serial number ${text('serialNumber')}, SHA-256 ${text('fingerprint256')}`
        : `SHA-256 ${text('fingerprint256')}`;
    case CHECK_OF.untrusted_issuer:
      return described ? `issued by ${text('issuer')}, which leads to a trust anchor` : 'leads to a trust anchor';
    case CHECK_OF.certificate_expired:
      return described ? `valid from ${text('notBefore')} until ${text('notAfter')}` : 'valid then';
    case CHECK_OF.wrong_issuer:
      return 'carries the organization that is asked for, if any is';
    case CHECK_OF.wrong_key_usage:
      return 'for client authentication';
    case CHECK_OF.certificate_revoked:
      return 'nothing against it, as far as it is asked';
    default:
      return textIn(line, 'service') ?? 'allowed';
  }
}

/** What else was seen, each value by its name: a reason, a rule, a list that is missing. */
function evidenceOf({ evidence, err }: Line): string {
  const cause = typeof err === 'object' && err !== null ? { cause: (err as Line).message } : {};
  const seen = { ...(typeof evidence === 'object' ? evidence : {}), ...cause };
  const parts = Object.entries(seen)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([name, value]) => `${name}: ${String(value)}`);
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

/** A line as pino writes it, or as Nest's own logger writes JSON, with the logged object in `message`. */
function lineIn(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isLine(value)) return undefined;
    return isLine(value.message) ? { ...value.message, time: value.timestamp } : value;
  } catch {
    return undefined;
  }
}

const isLine = (value: unknown): value is Line => typeof value === 'object' && value !== null;

/** The time as text: as it is, or from milliseconds since the epoch. */
function timeIn({ time }: Line): string | null {
  const date = typeof time === 'number' ? new Date(time) : undefined;
  if (date !== undefined) return Number.isNaN(date.getTime()) ? null : date.toISOString();
  return typeof time === 'string' ? time : null;
}

const isCode = (value: unknown): value is RefusalCode => typeof value === 'string' && Object.hasOwn(REFUSALS, value);

function textIn(line: Line, name: string): string | undefined {
  const value = line[name];
  return typeof value === 'string' ? value : undefined;
}
