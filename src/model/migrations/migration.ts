/** A snapshot of any version, as it was read: nothing about it is known yet. */
export type SnapshotDocument = Readonly<Record<string, unknown>>

/** One step from one schema to the next. Pure: it gives a new document and leaves the old one alone. */
export interface Migration {
  /** The version it reads, such as `1.0`. */
  readonly from: string
  /** The version it writes. */
  readonly to: string
  /** What is wrong in the document may stay wrong: the result is checked as a whole. */
  migrate(document: SnapshotDocument): SnapshotDocument
}
