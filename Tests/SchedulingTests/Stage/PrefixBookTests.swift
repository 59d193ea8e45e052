import Domain
import Testing

@testable import Scheduling

@Suite struct PrefixBookTests {
    private static func book() -> PrefixBook { PrefixBook(blockTokens: 4, model: Sample.model) }

    /// Opens, computes and closes a sequence; returns what it began with.
    @discardableResult
    private func run(
        _ book: inout PrefixBook, _ request: RequestID, _ tokens: [Int32], first: UInt64, salt: String? = nil
    ) -> [UInt64] {
        let found = book.open(request, tokens: tokens, salt: salt, first: first, search: true)
        book.computed(request, found.count * 4..<tokens.count)
        _ = book.close(request)
        return found
    }

    @Test func aTextIsFoundBlockByBlock() {
        var book = Self.book()
        #expect(run(&book, "a", Array(0..<10), first: 100).isEmpty)
        #expect(book.idleNames == [100, 101])
        #expect(run(&book, "b", Array(0..<6) + [99, 98, 97], first: 200) == [100])
        #expect(book.idleNames == [100, 101, 200])
        // The last token of a prompt is always computed.
        #expect(run(&book, "c", Array(0..<8), first: 300) == [100])
        #expect(run(&book, "d", Array(0..<9), first: 400) == [100, 101])
        #expect(book.idleNames == [100, 101, 200])
    }

    /// What others compute while a sequence waits is found when its turn comes; its own blocks keep their names.
    @Test func aSequenceThatWaitsLooksAgain() {
        var book = Self.book()
        run(&book, "a", Array(0..<6), first: 100)
        _ = book.open("b", tokens: Array(0..<17), salt: nil, first: 200, search: true)
        #expect(book.open("c", tokens: Array(0..<14), salt: nil, first: 300, search: true) == [100])
        _ = book.open("d", tokens: Array(0..<14), salt: nil, first: 400, search: false)
        #expect(book.searchAgain("c") == nil)
        book.computed("b", 4..<11)
        #expect(book.searchAgain("c").map { $0.blocks == [100, 200] && $0.next == 301 } == true)
        #expect(book.searchAgain("c") == nil)
        book.computed("b", 11..<17)
        #expect(book.searchAgain("c").map { $0.blocks == [100, 200, 201] && $0.next == 302 } == true)
        #expect(book.searchAgain("b") == nil && book.searchAgain("d") == nil && book.searchAgain("e") == nil)
        // Nothing that has been computed is found again.
        book.computed("c", 12..<14)
        #expect(book.searchAgain("c") == nil)
        #expect(book.close("c") == [100, 200, 201])
        #expect(book.close("b") == [100, 200, 201, 202])
        #expect(book.idleNames == [100, 200, 201, 202])
    }

    @Test func saltsKeepTextsApart() {
        var book = Self.book()
        run(&book, "a", Array(0..<10), first: 100, salt: "one")
        #expect(run(&book, "b", Array(0..<10), first: 200, salt: "two").isEmpty)
        #expect(run(&book, "c", Array(0..<10), first: 300).isEmpty)
        #expect(run(&book, "d", Array(0..<10), first: 400, salt: "one") == [100, 101])
    }

    /// The same block after another beginning is another block.
    @Test func aBlockBelongsToWhatIsBeforeIt() {
        var book = Self.book()
        run(&book, "a", [1, 1, 1, 1, 5, 5, 5, 5, 0], first: 100)
        #expect(run(&book, "b", [2, 2, 2, 2, 5, 5, 5, 5, 0], first: 200).isEmpty)
    }

    @Test func generatedTokensContinueTheText() {
        var book = Self.book()
        _ = book.open("a", tokens: [1, 2, 3], salt: nil, first: 10, search: true)
        book.computed("a", 0..<3)
        for (index, token) in [Int32(4), 5, 6, 7, 8].enumerated() {
            book.computed("a", 3 + index..<4 + index, token: token)
        }
        #expect(book.close("a") == [10, 11])
        #expect(run(&book, "b", [1, 2, 3, 4, 5, 6, 7, 8, 9], first: 20) == [10, 11])
    }

    /// What a lost step should have computed, and all after it, is not there.
    @Test func gapsEndWhatIsKnown() {
        var book = Self.book()
        _ = book.open("a", tokens: Array(0..<12), salt: nil, first: 10, search: true)
        book.computed("a", 0..<4)
        book.computed("a", 8..<12)
        #expect(book.close("a") == [10])
    }

    /// Of two that compute the same at the same time the first one's blocks stay.
    @Test func nothingIsKeptTwice() {
        var book = Self.book()
        for (request, first) in [("a", 100), ("b", 200)] as [(RequestID, UInt64)] {
            #expect(book.open(request, tokens: Array(0..<9), salt: nil, first: first, search: true).isEmpty)
        }
        book.computed("a", 0..<4)
        book.computed("b", 0..<9)
        book.computed("a", 4..<9)
        #expect(book.close("b").isEmpty)
        #expect(book.idle == 0)
        #expect(book.close("a") == [100, 101])
        #expect(book.idleNames == [100, 101])
    }

    /// Ends go before beginnings, what was used last and often goes last, and what is open never goes.
    @Test func evictionTakesWhatSavesLeast() {
        var book = Self.book()
        run(&book, "a", Array(0..<13), first: 100)
        run(&book, "b", Array(20..<29), first: 200)
        run(&book, "b2", Array(20..<29), first: 300)
        #expect(book.evict(2) == [102, 101])
        #expect(book.open("c", tokens: Array(20..<29), salt: nil, first: 400, search: true) == [200, 201])
        #expect(book.evict(9) == [100])
        _ = book.close("c")
        #expect(book.evict(9) == [201, 200])
        #expect(book.idle == 0)
    }

    @Test(arguments: 0..<40) func nothingIsLeftOver(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var book = Self.book()
        var open: [RequestID: (tokens: [Int32], done: Int)] = [:]
        var texts: [UInt64: [Int32]] = [:]
        var name: UInt64 = 1
        for step in 0..<400 {
            let request = open.keys.sorted().randomElement(using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                let tokens = (0..<Int.random(in: 1...30, using: &random)).map { _ in
                    Int32.random(in: 0..<2, using: &random)
                }
                let id = RequestID("r\(step)")
                let found = book.open(id, tokens: tokens, salt: nil, first: name, search: true)
                for (index, block) in found.enumerated() {
                    #expect(texts[block] == Array(tokens.prefix(4 * index + 4)))
                }
                #expect(found.count * 4 < tokens.count)
                for index in found.count..<8 {
                    texts[name + UInt64(index - found.count)] = Array(tokens.prefix(4 * index + 4))
                }
                name += 8
                open[id] = (tokens, found.count * 4)
            case 3..<7:
                guard let request, let (tokens, done) = open[request], done < tokens.count else { continue }
                let end = Int.random(in: done + 1...tokens.count, using: &random)
                book.computed(request, done..<end)
                open[request]?.done = end
            case 7..<9:
                guard let request else { continue }
                let kept = book.close(request)
                let done = open.removeValue(forKey: request)?.done ?? 0
                #expect(kept.count <= done / 4)
            default: #expect(book.evict(Int.random(in: 0...4, using: &random)).count <= 4)
            }
            #expect(book.idle == book.idleNames.count)
        }
        for request in open.keys { _ = book.close(request) }
        let all = book.idle
        #expect(book.evict(.max).count == all)
        #expect(book.idleNames.isEmpty && book.idle == 0)
    }
}
