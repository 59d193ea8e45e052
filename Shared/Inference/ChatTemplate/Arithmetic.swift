/// Arithmetic with Python's rules.
enum Arithmetic {
    static func compute(_ operation: BinaryOperator, _ left: Value, _ right: Value) throws -> Value {
        if operation == .divide, let dividend = left.number, let divisor = right.number {
            guard divisor != 0 else { throw InferenceError(.template, "division by zero") }
            return .double(dividend / divisor)
        }
        if let first = integer(left), let second = integer(right) { return .int(try compute(operation, first, second)) }
        guard let first = left.number, let second = right.number else {
            throw InferenceError(.template, "\(operation.rawValue) does not apply to \(left.kind) and \(right.kind)")
        }
        switch operation {
        case .add: return .double(first + second)
        case .subtract: return .double(first - second)
        case .multiply: return .double(first * second)
        default:
            guard second != 0 else { throw InferenceError(.template, "division by zero") }
            let quotient = (first / second).rounded(.down)
            return .double(operation == .floorDivide ? quotient : first - quotient * second)
        }
    }

    private static func integer(_ value: Value) -> Int? {
        switch value {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    private static func compute(_ operation: BinaryOperator, _ left: Int, _ right: Int) throws -> Int {
        let (result, overflow): (Int, Bool)
        switch operation {
        case .add: (result, overflow) = left.addingReportingOverflow(right)
        case .subtract: (result, overflow) = left.subtractingReportingOverflow(right)
        case .multiply: (result, overflow) = left.multipliedReportingOverflow(by: right)
        default:
            guard right != 0 else { throw InferenceError(.template, "division by zero") }
            let (quotient, tooLarge) = left.dividedReportingOverflow(by: right)
            let remainder = left.remainderReportingOverflow(dividingBy: right).partialValue
            let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
            if operation == .remainder { return isBelow ? remainder + right : remainder }
            (result, overflow) = (isBelow ? quotient - 1 : quotient, tooLarge)
        }
        guard !overflow else { throw InferenceError(.template, "a number becomes too large") }
        return result
    }
}
