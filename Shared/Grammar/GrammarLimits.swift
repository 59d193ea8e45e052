/// What bounds the work that a stranger's grammar can cause.
public enum GrammarLimits {
    /// Longest text of a schema or grammar, in bytes.
    public static let sourceBytes = 65_536
    /// Longest regular expression, and most bytes of all patterns of a schema.
    public static let patternBytes = 4_096
    /// Most different classes of characters.
    public static let classes = 1_024
    /// Deepest nesting of schemas, groups and references.
    public static let depth = 64
    /// Most rules, those that are made for parts included.
    public static let rules = 8_192
    /// Most positions of the automaton.
    public static let nodes = 65_536
    /// Largest bound of a repetition, `maxLength` and `maxItems` included.
    public static let repetitions = 1_000_000
    /// Largest bound of a repetition of something that may be empty.
    public static let emptyRepetitions = 64
    /// Most properties of one object.
    public static let properties = 512
    /// Most bytes of the names of all objects that have others as well.
    public static let openNameBytes = 2_048
    /// Longest name of an object that has others as well, in characters.
    public static let openNameLength = 128
    /// Most schemas that are looked at, each time that one is merged with others counted.
    public static let schemas = 8_192
    /// Most different pairs of bounds of numbers.
    public static let numberRanges = 128
    /// Most stacks that a state may hold; bytes that lead to more are refused.
    public static let stacks = 2_048
    /// Most steps of the analysis of rules.
    static let analysisSteps = 250_000
    /// Most steps of the recogniser for one mask: a fifth of a second or so. Usual masks take some hundreds.
    static let maskSteps = 2_000_000
}
