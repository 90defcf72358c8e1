import type { CertificateLintRule } from '../lint-rule.js';
import { certificateForm, timeFormProblem } from '../tbs-form.js';

/** The reader takes either type for any year, as many do. */
export const validityForm: CertificateLintRule = {
  name: 'validity-form',
  source: 'RFC 5280 §4.1.2.5',
  check: ({ certificate }) => certificateForm(certificate).times.map(timeFormProblem).find(Boolean),
};
