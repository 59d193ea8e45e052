internal import Domain

/// Colours of a picture: those of Okabe and Ito, which people with any colour vision tell apart, with black text on all of
/// them. Roles are also written out.
enum PictureColours {
    static let ink = "#1a1a1a"
    static let faint = "#6b6b6b"
    static let line = "#d0d0d0"
    static let idle = "#e4e4e4"
    static let flow = "#0072b2"

    static func fill(_ role: ReplicaRole) -> String {
        switch role {
        case .prefill: "#56b4e9"
        case .decode: "#e69f00"
        case .mixed: "#2fb58c"
        }
    }
}
