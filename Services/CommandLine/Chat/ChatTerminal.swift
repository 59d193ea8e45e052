import Foundation
import Glibc

/// Reads the lines of a chat: with editing and history where both ends are a terminal, plainly elsewhere.
struct ChatTerminal {
    private var editor = LineEditor()
    private let isInteractive = TerminalScreen.isUsable

    /// The next input; `nil` at the end. Lines between `"""` are one message.
    mutating func next() -> ChatInput? {
        guard let first = line(">>> ") else { return nil }
        let opened = first.drop { $0 == " " }
        guard opened.hasPrefix("\"\"\"") else { return ChatInput(first) }
        var text = String(opened.dropFirst(3))
        while !text.hasSuffix("\"\"\"") {
            // What was begun is kept where the input ends.
            guard let next = line("... ") else { return .message(text) }
            text += "\n" + next
        }
        let message = String(text.dropLast(3))
        return message.isEmpty ? .empty : .message(message)
    }

    private mutating func line(_ prompt: String) -> String? {
        guard isInteractive else { return readLine() }
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { return readLine() }
        var raw = before
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        // Without waiting for what is written, and with what was typed meanwhile.
        guard tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0 else { return readLine() }
        defer { tcsetattr(STDIN_FILENO, TCSANOW, &before) }
        draw(prompt)
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) == 1 {
            switch editor.take(byte) {
            case .changed: draw(prompt)
            case .nothing: break
            case .line(let line):
                write("\r\n")
                return line
            case .interrupted:
                write("^C\r\n")
                draw(prompt)
            case .end:
                write("\r\n")
                return nil
            }
        }
        return nil
    }

    private func draw(_ prompt: String) {
        var size = winsize()
        let columns = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
        let (text, cursor) = editor.window(columns - prompt.count - 1)
        write("\r\(prompt)\(text)\u{1b}[K\r\u{1b}[\(prompt.count + cursor)C")
    }

    private func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
