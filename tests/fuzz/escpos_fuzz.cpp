// The ESC/POS parser against arbitrary bytes: where a stream is cut changes nothing, and missing() NULs end
// what is open. The first byte says how long the pieces are.
#include "tests/fuzz/promise.hpp"
#include "tests/unit/printer/escpos/recorder.hpp"

namespace {

using namespace agenthost::printer::escpos;
using agenthost::wire::demand;

constexpr std::uint64_t most_nuls = 20'000;

void check(std::string_view stream, std::size_t piece)
{
    const std::string whole = test::parsed(stream);
    demand(whole == test::parsed(stream, piece), "a stream means the same however it is cut");
    Parser parser;
    parser.feed(test::bytes(stream));
    demand(parser.position() == stream.size(), "every byte is counted");
    const std::uint64_t missing = parser.missing();
    demand((missing == 0) == !parser.open_command(), "an open command needs bytes, and nothing else does");
    if (missing > most_nuls || missing == 0) return;
    const std::string nuls(static_cast<std::size_t>(missing), '\0');
    parser.feed(test::bytes(std::string_view{nuls}.substr(1)));
    demand(parser.open_command().has_value(), "one NUL less does not end the command");
    parser.feed(test::bytes({nuls.data(), 1}));
    demand(!parser.open_command(), "the NULs end the command");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::string rest{reinterpret_cast<const char*>(data + 1), size - 1};
    check(rest, 1U + data[0] % 64U);
    return 0;
}
