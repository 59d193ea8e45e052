import Domain

extension StageForward: DirectlyCoded {
    func write(to writer: inout DirectWriter) {
        writer.object { writer in
            writer.key("entries")
            writer.array(entries) { $1.write(to: &$0) }
            writer.key("replica")
            writer.string(replica.rawValue)
            writer.key("stage")
            writer.integer(stage)
            writer.key("step")
            writer.integer(step)
            writer.key("tensors")
            writer.array(tensors) { $1.write(to: &$0) }
        }
    }

    init(from reader: inout DirectReader) throws(Unusual) {
        var step = DirectField<UInt64>()
        var replica = DirectField<String>()
        var stage = DirectField<Int>()
        var entries = DirectField<[StepPart]>()
        var tensors = DirectField<[TensorDescriptor]>()
        try reader.object { reader, key throws(Unusual) in
            switch key {
            case "entries":
                try entries.set(reader.array { reader throws(Unusual) in try StepPart(from: &reader) })
            case "replica": try replica.set(reader.string())
            case "stage": try stage.set(reader.integer())
            case "step": try step.set(reader.integer())
            case "tensors":
                try tensors.set(reader.array { reader throws(Unusual) in try TensorDescriptor(from: &reader) })
            default: return false
            }
            return true
        }
        self.init(
            step: try step.needed(), replica: ReplicaID(rawValue: try replica.needed()), stage: try stage.needed(),
            entries: try entries.needed(), tensors: try tensors.needed())
    }
}

extension StageDone: DirectlyCoded {
    func write(to writer: inout DirectWriter) {
        writer.object { writer in
            writer.key("replica")
            writer.string(replica.rawValue)
            writer.key("step")
            writer.integer(step)
            writer.key("tokens")
            writer.array(tokens) { $1.write(to: &$0) }
        }
    }

    init(from reader: inout DirectReader) throws(Unusual) {
        var step = DirectField<UInt64>()
        var replica = DirectField<String>()
        var tokens = DirectField<[StepResult]>()
        try reader.object { reader, key throws(Unusual) in
            switch key {
            case "replica": try replica.set(reader.string())
            case "step": try step.set(reader.integer())
            case "tokens":
                try tokens.set(reader.array { reader throws(Unusual) in try StepResult(from: &reader) })
            default: return false
            }
            return true
        }
        self.init(
            step: try step.needed(), replica: ReplicaID(rawValue: try replica.needed()), tokens: try tokens.needed())
    }
}

extension TokensEmitted: DirectlyCoded {
    func write(to writer: inout DirectWriter) {
        writer.object { writer in
            if let cachedTokens {
                writer.key("cached_tokens")
                writer.integer(cachedTokens)
            }
            if let finishReason {
                writer.key("finish_reason")
                writer.string(finishReason.rawValue)
            }
            if let guessedTokens {
                writer.key("guessed_tokens")
                writer.integer(guessedTokens)
            }
            if let tensors {
                writer.key("tensors")
                writer.array(tensors) { $1.write(to: &$0) }
            }
            writer.key("tokens")
            writer.array(tokens) { $0.integer($1) }
        }
    }

    init(from reader: inout DirectReader) throws(Unusual) {
        var tokens = DirectField<[Int32]>()
        var reason = DirectField<FinishReason>()
        var cached = DirectField<Int>()
        var guessed = DirectField<Int>()
        var tensors = DirectField<[TensorDescriptor]>()
        try reader.object { reader, key throws(Unusual) in
            switch key {
            case "tokens": try tokens.set(reader.array { reader throws(Unusual) in try reader.integer() })
            case "finish_reason": try reason.set(FinishReason(from: &reader))
            case "cached_tokens": try cached.set(reader.integer())
            case "guessed_tokens": try guessed.set(reader.integer())
            case "tensors":
                try tensors.set(reader.array { reader throws(Unusual) in try TensorDescriptor(from: &reader) })
            default: return false
            }
            return true
        }
        self.init(
            tokens: try tokens.needed(), finishReason: reason.value, cachedTokens: cached.value,
            guessedTokens: guessed.value, tensors: tensors.value)
    }
}

extension StepPart: DirectlyCoded {
    func write(to writer: inout DirectWriter) {
        writer.object { writer in
            writer.key("count")
            writer.integer(count)
            if let guesses {
                writer.key("guesses")
                writer.array(guesses) { $0.integer($1) }
            }
            if let inputToken {
                writer.key("input_token")
                writer.integer(inputToken)
            }
            writer.key("request")
            writer.string(request.rawValue)
            writer.key("sample")
            writer.bool(sample)
            writer.key("start")
            writer.integer(start)
        }
    }

    init(from reader: inout DirectReader) throws(Unusual) {
        var request = DirectField<String>()
        var start = DirectField<Int>()
        var count = DirectField<Int>()
        var sample = DirectField<Bool>()
        var input = DirectField<Int32>()
        var guesses = DirectField<[Int32]>()
        try reader.object { reader, key throws(Unusual) in
            switch key {
            case "request": try request.set(reader.string())
            case "start": try start.set(reader.integer())
            case "count": try count.set(reader.integer())
            case "sample": try sample.set(reader.bool())
            case "input_token": try input.set(reader.integer())
            case "guesses": try guesses.set(reader.array { reader throws(Unusual) in try reader.integer() })
            default: return false
            }
            return true
        }
        self.init(
            request: RequestID(rawValue: try request.needed()), start: try start.needed(), count: try count.needed(),
            sample: try sample.needed(), inputToken: input.value, guesses: guesses.value)
    }
}

extension StepResult: DirectlyCoded {
    func write(to writer: inout DirectWriter) {
        writer.object { writer in
            if let finishReason {
                writer.key("finish_reason")
                writer.string(finishReason.rawValue)
            }
            writer.key("request")
            writer.string(request.rawValue)
            writer.key("token")
            writer.integer(token)
        }
    }

    init(from reader: inout DirectReader) throws(Unusual) {
        var request = DirectField<String>()
        var token = DirectField<Int32>()
        var reason = DirectField<FinishReason>()
        try reader.object { reader, key throws(Unusual) in
            switch key {
            case "request": try request.set(reader.string())
            case "token": try token.set(reader.integer())
            case "finish_reason": try reason.set(FinishReason(from: &reader))
            default: return false
            }
            return true
        }
        self.init(
            request: RequestID(rawValue: try request.needed()), token: try token.needed(), finishReason: reason.value)
    }
}

extension TensorDescriptor: DirectlyCoded {
    func write(to writer: inout DirectWriter) {
        writer.object { writer in
            writer.key("dtype")
            writer.string(dtype.rawValue)
            writer.key("name")
            writer.string(name)
            writer.key("shape")
            writer.array(shape) { $0.integer($1) }
        }
    }

    init(from reader: inout DirectReader) throws(Unusual) {
        var name = DirectField<String>()
        var type = DirectField<ElementType>()
        var shape = DirectField<[Int]>()
        try reader.object { reader, key throws(Unusual) in
            switch key {
            case "name": try name.set(reader.string())
            case "dtype":
                guard let known = ElementType(rawValue: try reader.string()) else { throw Unusual() }
                try type.set(known)
            case "shape": try shape.set(reader.array { reader throws(Unusual) in try reader.integer() })
            default: return false
            }
            return true
        }
        self.init(name: try name.needed(), dtype: try type.needed(), shape: try shape.needed())
    }
}

extension FinishReason {
    fileprivate init(from reader: inout DirectReader) throws(Unusual) {
        guard let known = FinishReason(rawValue: try reader.string()) else { throw Unusual() }
        self = known
    }
}
