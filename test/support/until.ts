/** Polls until there is a value; fails after 50 s (sooner than the test itself), or when `given up` settles first, with what `otherwise` says. */
export async function until<T>(
  probe: () => T | Promise<T>,
  otherwise: () => string,
  givenUp?: Promise<unknown>,
): Promise<NonNullable<T>> {
  let lost = false;
  givenUp?.then(() => {
    lost = true;
  });
  const deadline = performance.now() + 50_000;
  for (;;) {
    const value = await probe();
    if (value) return value as NonNullable<T>;
    if (lost || performance.now() > deadline) throw new Error(otherwise());
    await Bun.sleep(10);
  }
}
