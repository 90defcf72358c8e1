/**
 * Reads a serial number as OpenSSL, browsers and this product write it, and returns it in lower-case hexadecimal without leading zero octets; undefined when
 * the text is not one, or has more than the 20 octets of RFC 5280 §4.1.2.2.
 */
export function serialNumberFromString(text: string): string | undefined {
  const digits = text.replace(/^0x/i, '').replaceAll(':', '').toLowerCase();
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const serialNumber = even.replace(/^(?:00)+(?=..)/, '');
  return /^[0-9a-f]{2,40}$/.test(serialNumber) ? serialNumber : undefined;
}
