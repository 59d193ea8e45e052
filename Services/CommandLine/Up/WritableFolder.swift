import Foundation
import Glibc

/// Folders that a command needs.
enum WritableFolder {
    /// Makes a folder, with those that it lies in, where it does not exist.
    ///
    /// - Returns: why nothing can be written there; `nil` where something can.
    static func problem(_ path: String) -> String? {
        var missing: [String] = []
        var folder = URL(fileURLWithPath: path).standardizedFileURL.path
        while folder != "/", access(folder, F_OK) != 0 {
            missing.append(folder)
            folder = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        }
        for folder in missing.reversed() where mkdir(folder, 0o755) != 0 && errno != EEXIST {
            return "\(path) cannot be made: \(folder): \(String(cString: strerror(errno)).lowercased())"
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return "\(path) is no folder"
        }
        guard access(path, W_OK | X_OK) == 0 else {
            return "\(path) cannot be written: \(String(cString: strerror(errno)).lowercased())"
        }
        return nil
    }
}
