// X.690 §8.8.
const NULL = Buffer.of(5, 0);

/** Whether an extension's value is NULL, as for those whose presence says everything; so is one that is absent. */
export const isNull = (value: Uint8Array = NULL): boolean => NULL.equals(value);
