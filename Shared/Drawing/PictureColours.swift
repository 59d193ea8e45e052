public import Domain

/// Colours of a picture: those of Okabe and Ito, which people with any colour vision tell apart, with black text on all of
/// them. Roles are also written out.
public enum PictureColours {
    /// Text.
    public static let ink = "#1a1a1a"
    /// Text that explains.
    public static let faint = "#6b6b6b"
    /// Lines of a grid.
    public static let line = "#d0d0d0"
    /// What does nothing.
    public static let idle = "#e4e4e4"
    /// KV on its way.
    public static let flow = "#0072b2"

    /// The colour of a role.
    public static func fill(_ role: ReplicaRole) -> String {
        switch role {
        case .prefill: "#56b4e9"
        case .decode: "#e69f00"
        case .mixed: "#2fb58c"
        }
    }
}
