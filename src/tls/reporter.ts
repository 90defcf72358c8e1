/** `report` as it is called: what it throws, at once or later, ends nothing and becomes a warning of the process. */
export function reporter<E>(report: (event: E) => unknown): (event: E) => void {
  const tell = async (event: E): Promise<void> => {
    try {
      await report(event);
    } catch (error) {
      process.emitWarning(`what is reported to failed: ${String(error)}`);
    }
  };
  return (event) => void tell(event);
}
