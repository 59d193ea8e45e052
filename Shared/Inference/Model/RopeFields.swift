/// Reads the keys of rotary position embedding, which architectures share.
enum RopeFields {
    static func read(
        _ fields: HeaderFields, prefix: String, headDim: Int, pairing: RopePairing
    ) throws -> RopeParameters {
        let dimensionsKey = prefix + "rope.dimension_count"
        let dimensions = try fields.integer(dimensionsKey, in: 0...ModelLimits.headDim.upperBound, default: headDim)
        guard dimensions <= headDim, dimensions % 2 == 0 else {
            throw fields.wrong(
                dimensionsKey, "\(dimensions) is not an even number up to the head width of \(headDim)")
        }
        let baseKey = prefix + "rope.freq_base"
        let base = try fields.number(baseKey, default: 10_000)
        guard base > 1, base <= 1e12 else { throw fields.wrong(baseKey, "\(base) is not between 1 and 1e12") }
        return RopeParameters(
            pairing: pairing, dimensions: dimensions, base: base,
            positionScale: try positionScale(fields, prefix: prefix))
    }

    private static func positionScale(_ fields: HeaderFields, prefix: String) throws -> Double {
        let typeKey = prefix + "rope.scaling.type"
        let factorKey = prefix + "rope.scaling.factor"
        let oldKey = prefix + "rope.scale_linear"
        let factor: Double
        switch try fields.string(typeKey, default: "none") {
        case "none":
            factor = try fields.number(oldKey, default: 1)
        case "linear":
            factor = try fields.number(factorKey, default: 1)
        case let other:
            throw InferenceError(.unsupported, "\(typeKey): \"\(other)\" is not supported (supported: none, linear)")
        }
        guard factor >= 1, factor <= 1e6 else { throw fields.wrong(factorKey, "\(factor) is not between 1 and 1e6") }
        return 1 / factor
    }
}
