import Foundation
import Glibc

/// A terminal that is drawn over and over: the other screen, single keys without echo. `close` gives it back as it was.
final class TerminalScreen: Sendable {
    /// A key, or the end of the input.
    enum Key: Sendable, Hashable {
        case character(Character)
        case end
    }

    /// Whether input and output are a terminal that can be drawn on.
    static var isUsable: Bool {
        isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
            && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// The keys that are pressed.
    let keys: AsyncStream<Key>
    private let before: termios

    /// Takes the terminal; `nil` where it does not let itself be set.
    init?() {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        before = settings
        // Ctrl-C comes as a key, so that the screen is always given back.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        guard tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0 else { return nil }
        let (keys, continuation) = AsyncStream.makeStream(of: Key.self, bufferingPolicy: .bufferingNewest(16))
        self.keys = keys
        let thread = Thread {
            var byte: UInt8 = 0
            while read(STDIN_FILENO, &byte, 1) == 1 { continuation.yield(Self.key(byte)) }
            continuation.yield(.end)
        }
        thread.stackSize = 128 << 10
        thread.start()
        Self.write("\u{1b}[?1049h\u{1b}[?25l")
    }

    /// What a byte of the input means: `q`, Ctrl-C and Ctrl-D end.
    static func key(_ byte: UInt8) -> Key {
        [3, 4, UInt8(ascii: "q")].contains(byte) ? .end : .character(Character(UnicodeScalar(byte)))
    }

    /// Columns and rows of the terminal.
    var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Draws lines over what was there.
    func draw(_ lines: [String]) {
        // Each line is cleared behind its text, so that nothing flickers.
        Self.write("\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J")
    }

    /// Gives the terminal back.
    func close() {
        Self.write("\u{1b}[?25h\u{1b}[?1049l")
        var settings = before
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    private static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
