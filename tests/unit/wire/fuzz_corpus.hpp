// A fuzzer of tests/fuzz over its kept corpus, with any compiler: as it is, cut short, and with bytes
// changed.
#pragma once

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>

namespace agenthost::wire {

using Fuzzer = int (*)(const std::uint8_t*, std::size_t);

// Returns how many files there were. The first byte of an input says what is done with it and stays.
inline std::size_t run_over_corpus(Fuzzer fuzzer, const std::string& corpus)
{
    const auto feed = [&](const std::string& input) {
        fuzzer(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    };
    std::mt19937 random{7};
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{agenthost::test::source_dir().string() +
                                                                 "/tests/fuzz/corpus/" + corpus}) {
        ++files;
        const std::string input = test::read_file(entry.path());
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
    return files;
}

} // namespace agenthost::wire
