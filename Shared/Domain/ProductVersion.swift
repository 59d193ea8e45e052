/// The version of the software, which every executable prints with `--version`. The protocol has versions of its own.
public enum ProductVersion {
    /// The number of the topmost version in the changelog; a test compares them.
    public static let number = "0.1.0"
}
