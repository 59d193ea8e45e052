public import ArgumentParser
public import Domain

extension KVType: ExpressibleByArgument {}

/// KV types as an option names them, separated by commas.
struct KVTypes: ExpressibleByArgument, Sendable {
    /// The types; at least one.
    var types: Set<KVType>

    /// All of them.
    static let all = KVTypes(Set(KVType.allCases))

    init(_ types: Set<KVType>) { self.types = types }

    /// Reads names of types, `nil` where one is unknown or there is none.
    init?(argument: String) {
        types = []
        for name in argument.split(separator: ",") {
            guard let type = KVType(rawValue: String(name)) else { return nil }
            types.insert(type)
        }
        if types.isEmpty { return nil }
    }

    /// As it is written in help.
    var defaultValueDescription: String {
        KVType.allCases.filter { types.contains($0) }.map(\.rawValue).joined(separator: ",")
    }
}
