internal import Domain

/// Where in a JSON document a value stands, as error messages name it: `devices[3] (pi01).mem_bw_Bps`.
enum FieldPath {
    /// Writes a coding path; `name` gives the name of an element of a list, where it has one.
    static func text(_ path: [any CodingKey], name: (_ list: String, _ index: Int) -> String?) -> String {
        DecodingText.path(path, key: MessageText.name) { element($0, $1, name($0, $1)) }
    }

    /// The path of one element of a list.
    static func element(_ list: String, _ index: Int, _ name: String?) -> String {
        guard let name, !name.isEmpty else { return "\(list)[\(index)]" }
        return "\(list)[\(index)] (\(MessageText.name(name)))"
    }
}
