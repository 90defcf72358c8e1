/** TLS cannot be set up as the settings say. The message is one sentence that names what is wrong and how to mend it, without any secret. */
export class TlsSetupError extends Error {
  override readonly name = 'TlsSetupError';
}
