/// Upper bounds on the numbers of a model file, far above any real model; a file beyond them is damaged or hostile.
enum ModelLimits {
    static let layers = 1...4096
    static let width = 1...1 << 20
    static let heads = 1...1 << 14
    static let headDim = 1...4096
    static let vocabulary = 1...1 << 24
    static let context = 1...1 << 28
}
