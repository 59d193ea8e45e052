import Domain
import Protocol
import Testing

@Suite struct TensorTests {
    @Test(
        arguments: [
            (ElementType.i32, [3, 5], 60), (.f16, [2, 2, 7], 56), (.f32, [], 4), (.u8, [0], 0), (.q8_0, [3, 64], 204),
            (.q8_0, [2, 2, 3, 5, 32], 2040),
        ] as [(ElementType, [Int], Int)])
    func bytes(type: ElementType, shape: [Int], expected: Int) {
        #expect(TensorDescriptor(name: "t", dtype: type, shape: shape).byteCount == expected)
    }

    @Test(
        arguments: [
            (ElementType.f16, [-1]), (.u8, [1, 1, 1, 1, 1, 1, 1, 1, 1]), (.f32, [1 << 40, 1 << 40]),
            (.u8, [WireLimits.maximumFrameBytes + 1]), (.q8_0, [4, 33]), (.q8_0, [4, -32]), (.q8_0, []),
            (.q8_0, [Int.max, 32]),
        ] as [(ElementType, [Int])])
    func impossibleShapesHaveNoSize(type: ElementType, shape: [Int]) {
        #expect(TensorDescriptor(name: "t", dtype: type, shape: shape).byteCount == nil)
    }

    @Test func cacheTypesHaveElements() {
        for type in KVType.allCases { #expect(ElementType(type).kvType == type) }
        #expect(ElementType.f32.kvType == nil)
    }
}
