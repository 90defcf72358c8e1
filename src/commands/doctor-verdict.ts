import { checksUpTo, REFUSALS, type RefusalCode } from '../mtls/index.js';
import type { Answer } from './doctor-answer.js';
import { plain } from './output.js';
import type { Check } from './verify-checks.js';

const MAX_SKEW_MS = 60_000;

/** Whether the clock of the service agrees with ours; nothing when the answer has no date. */
export function clockCheck({ date }: Answer, now: Date): Check[] {
  const there = Date.parse(date ?? '');
  if (Number.isNaN(there)) return [];
  const skew = Math.round((there - now.getTime()) / 1000);
  return [
    {
      check: 'clock',
      ok: Math.abs(skew) * 1000 <= MAX_SKEW_MS,
      // `Date` is cut off to whole seconds.
      detail:
        Math.abs(skew) <= 1 ? 'as here' : `that of the service is ${Math.abs(skew)} s ${skew > 0 ? 'ahead' : 'behind'}`,
      mend: 'set the clocks of both machines right: validity is judged by them',
    },
  ];
}

/** The statuses with which proxies answer when a client certificate is missing or not accepted. */
const BEFORE_THE_GUARD: ReadonlySet<number> = new Set([400, 401, 403, 421]);

/** The verdict of the guard: its code says which check failed, and that all checks before it passed. */
export function guardChecks({ status, body }: Answer, isPresented: boolean): Check[] {
  const { code, detail, request_id: id } = problemIn(body);
  if (!isRefusal(code)) {
    if (status === 429 || status >= 500)
      return [
        {
          check: 'answer',
          ok: false,
          detail: `${status}${code === undefined ? '' : ` (${plain(code)})`}: ${plain(detail ?? 'without a reason')}`,
          mend: status === 429 ? 'ask less often' : 'look into the log of the service',
        },
      ];
    if (code === undefined && BEFORE_THE_GUARD.has(status))
      return [
        {
          check: 'answer',
          ok: false,
          detail: `${status}: without a code of the guard`,
          mend: 'look for what answers before it, such as a proxy, and into the log of that',
        },
      ];
    return [{ check: 'guard', ok: true, detail: `let in; the answer is ${status}` }];
  }
  const { mend, said } =
    code === 'client_certificate_required' && isPresented ? NOT_SEEN : toldBy(plain(detail ?? code), code);
  const reason = `${said} (${code}, request ${plain(id ?? 'unknown')})`;
  return checksUpTo(code).map(({ check, ok }) =>
    ok ? { check: `guard: ${check}`, ok, detail: 'passed' } : { check: `guard: ${check}`, ok, detail: reason, mend },
  );
}

/** The answer ends with the mend, which is printed on its own here. */
function toldBy(told: string, code: RefusalCode): { readonly said: string; readonly mend: string } {
  const { mend } = REFUSALS[code];
  return { said: told.endsWith(` ${mend}`) ? told.slice(0, -mend.length - 1) : told, mend };
}

/** The guard says that there is no certificate, and yet one was presented in the handshake. */
const NOT_SEEN = {
  said: 'The certificate was presented, but the service saw none of a client.',
  mend:
    'if it is that of a trusted proxy (mtls.trustedProxies), present that of a client: a proxy is nobody by itself; if a proxy is between, ' +
    'look that the proxy hands the certificate on; else that the server asks for certificates (requestCert)',
};

const isRefusal = (code: string | undefined): code is RefusalCode =>
  code !== undefined && Object.hasOwn(REFUSALS, code);

function problemIn(body: string): {
  code?: string | undefined;
  detail?: string | undefined;
  request_id?: string | undefined;
} {
  try {
    const value = JSON.parse(body) as Readonly<Record<string, unknown>> | null;
    const text = (name: string): string | undefined => (typeof value?.[name] === 'string' ? value[name] : undefined);
    return { code: text('code'), detail: text('detail'), request_id: text('request_id') };
  } catch {
    return {};
  }
}
