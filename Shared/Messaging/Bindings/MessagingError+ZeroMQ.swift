import CZeroMQ
import Glibc

extension MessagingError {
    /// An error with libzmq's error number of the call just made; read at once, as the number is the thread's.
    static func last(_ code: Code, _ message: String, file: String = #fileID, line: Int = #line) -> MessagingError {
        let number = zmq_errno()
        return unsafe MessagingError(
            number == EMFILE || number == ENFILE || number == ENOMEM ? .exhausted : code, message,
            underlying: String(cString: zmq_strerror(number)), file: file, line: line)
    }

    /// As `last`, for bind and connect.
    static func endpoint(_ message: String, file: String = #fileID, line: Int = #line) -> MessagingError {
        let code: Code = zmq_errno() == EADDRINUSE ? .addressInUse : .badEndpoint
        return last(code, message, file: file, line: line)
    }
}
