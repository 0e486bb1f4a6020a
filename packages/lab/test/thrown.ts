/** Message and code of the error that a call ends with; fails the test if it ends well. */
export async function thrown(call: () => unknown): Promise<{ message: string; code: unknown }> {
  try {
    await call();
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown };
    return { message, code };
  }
  throw new Error('expected the call to throw, it did not');
}
