import Domain
import Grammar
import Inference

/// Compiled constraints of one model, with the masks that were computed for them. Lives on the compute thread only.
final class ConstraintCache {
    /// Most constraints that are kept.
    static let limit = 8
    /// What the masks of one constraint may hold, in bytes.
    private static let maskBytes = 8 << 20

    private let gguf: GGUFFile
    private var vocabulary: GrammarVocabulary?
    /// The one that was used last comes last.
    private var entries: [(constraint: SamplingConstraint, mask: GrammarMask)] = []

    /// Makes an empty cache; the vocabulary is read with the first constraint.
    init(gguf: GGUFFile) { self.gguf = gguf }

    /// Constraints that are kept now.
    var count: Int { entries.count }

    /// Where a sequence is that has generated some tokens.
    func output(_ constraint: SamplingConstraint, after tokens: some Sequence<Int32>) throws -> ConstrainedOutput {
        let mask = try mask(constraint)
        guard let state = GrammarState(mask.grammar, acceptedTokens: tokens, vocabulary: mask.vocabulary) else {
            throw Fault.constraintFailed("what was generated before does not follow the constraint")
        }
        return ConstrainedOutput(mask: mask, state: state)
    }

    private func mask(_ constraint: SamplingConstraint) throws -> GrammarMask {
        if let index = entries.firstIndex(where: { $0.constraint == constraint }) {
            entries.append(entries.remove(at: index))
            return entries[entries.count - 1].mask
        }
        let vocabulary = try readVocabulary()
        let grammar: CompiledGrammar
        do {
            grammar = try CompiledGrammar.compile(constraint)
        } catch {
            throw Fault.constraintFailed(error.message)
        }
        let mask = GrammarMask(grammar, vocabulary: vocabulary, memoryBytes: Self.maskBytes)
        if entries.count >= Self.limit { entries.removeFirst() }
        entries.append((constraint, mask))
        return mask
    }

    private func readVocabulary() throws -> GrammarVocabulary {
        if let vocabulary { return vocabulary }
        let tokenizer = try Tokenizer(gguf: gguf)
        let made = GrammarVocabulary(
            count: tokenizer.vocabularySize, end: Set(tokenizer.endOfGenerationTokens),
            isControl: { tokenizer.isControl($0) }, piece: { tokenizer.piece($0) })
        vocabulary = made
        return made
    }
}

/// How far the output of a sequence has come in what it must follow; depends on its tokens only.
struct ConstrainedOutput {
    private let mask: GrammarMask
    private var state: GrammarState
    /// Whether a token came that the constraint does not allow: another worker sampled it.
    private var isBroken = false

    init(mask: GrammarMask, state: GrammarState) {
        self.mask = mask
        self.state = state
    }

    /// Tokens with which an output ends.
    var endTokens: [Int32] { mask.vocabulary.endTokens }

    /// The tokens that may come next.
    func allowed() throws -> TokenMask {
        guard !isBroken else { throw Fault.constraintFailed("a token does not follow the constraint") }
        let allowed: TokenMask
        do {
            allowed = try mask.allowed(after: state)
        } catch {
            throw Fault.constraintFailed(error.message)
        }
        guard !allowed.isEmpty else {
            throw Fault.constraintFailed("no token of the vocabulary follows the constraint here")
        }
        return allowed
    }

    /// Takes a token of the output; `true` where the output has ended with it.
    mutating func accept(_ token: Int32) -> Bool {
        if mask.vocabulary.endTokens.contains(token) { return true }
        if !state.accept(mask.vocabulary.bytes(of: token)) { isBroken = true }
        return state.isComplete
    }
}

extension Fault {
    /// Another attempt would meet the same.
    static func constraintFailed(_ message: String) -> Fault { Fault(constraintFailedCode, message) }
}
