public import Domain

/// What one step does for one sequence: `rows` consecutive positions from `startPosition`.
public struct StageEntry: Sendable, Hashable {
    /// The sequence; it must be open.
    public var sequence: RequestID
    /// Position of the first row; must equal the number of positions the sequence holds so far.
    public var startPosition: Int
    /// Consecutive positions: 1 for a decode step, more for a prefill chunk.
    public var rows: Int
    /// Rows at the end for which the last stage computes logits.
    public var logitRows: Int

    /// Makes an entry of which the last row's logits are wanted, or none.
    public init(sequence: RequestID, startPosition: Int, rows: Int, wantsLogits: Bool) {
        self.init(sequence: sequence, startPosition: startPosition, rows: rows, logitRows: wantsLogits ? 1 : 0)
    }

    /// Makes an entry.
    public init(sequence: RequestID, startPosition: Int, rows: Int, logitRows: Int) {
        self.sequence = sequence
        self.startPosition = startPosition
        self.rows = rows
        self.logitRows = logitRows
    }
}

/// The rows that enter a stage, entry after entry.
public enum StageInput: Sendable, Hashable {
    /// Token ids, for the first stage.
    case tokens([Int32])
    /// Hidden states `[row][hidden]` as little-endian f32, for the other stages.
    case hidden([UInt8])
}

/// One step of a stage: prefill chunks and decode rows of any sequences, mixed freely.
public struct StageBatch: Sendable, Hashable {
    /// What is done for which sequence; a sequence appears at most once.
    public var entries: [StageEntry]
    /// The rows of all entries.
    public var input: StageInput

    /// Makes a batch.
    public init(entries: [StageEntry], input: StageInput) {
        self.entries = entries
        self.input = input
    }

    /// Rows of all entries together.
    public var rows: Int { entries.reduce(0) { $0 + $1.rows } }
}

/// What a step left behind.
public enum StageOutput: Sendable, Hashable {
    /// Hidden states `[row][hidden]` as little-endian f32, in the order of the input rows; the input of the next stage.
    case hidden([UInt8])
    /// The logits of these entries (indices into the batch, in order, one for each row) can be read with
    /// `StageExecutor.withLogits`.
    case logits(entries: [Int])
}
