// X.690 §8.8.
const NULL = Buffer.of(5, 0);

/** Whether the value of an extension is NULL, as required for extensions that carry no value. True when the extension is absent. */
export const isNull = (value: Uint8Array = NULL): boolean => NULL.equals(value);
