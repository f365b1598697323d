/** Passes on what is yielded, and ends without a word once the signal has aborted, whatever that made others throw. */
export async function* quietly<T>(
  signal: AbortSignal,
  views: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  if (signal.aborted) return
  try {
    for await (const view of views) {
      if (signal.aborted) return
      yield view
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
