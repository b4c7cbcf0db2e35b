// The fuzzers of tests/fuzz over their kept corpus, with any compiler: as it is, cut short, and with bytes changed.
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <random>

// NOLINTNEXTLINE(bugprone-suspicious-include): the same source is a program of its own with libFuzzer
#include "tests/fuzz/storage_fuzz.cpp"

namespace {

void feed(const std::string& input)
{
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

TEST(FuzzCorpus, StorageHolds)
{
    std::mt19937 random{7};
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{std::string{AGENTHOST_SOURCE_DIR} +
                                                                 "/tests/fuzz/corpus/storage"}) {
        ++files;
        const std::string input = agenthost::test::read_file(entry.path());
        SCOPED_TRACE(entry.path().filename().string());
        feed(input);
        for (std::size_t cut = 1; cut < input.size(); cut += 1 + input.size() / 64)
            feed(input.substr(0, cut));
        for (int i = 0; i < 200 && input.size() > 1; ++i) {
            std::string changed = input;
            for (auto n = 1 + random() % 3; n > 0; --n)
                changed[1 + random() % (changed.size() - 1)] = static_cast<char>(random());
            feed(changed);
        }
    }
    EXPECT_GE(files, 50u);
}

} // namespace
