#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_render
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/render_fuzz.cpp"

TEST(FuzzCorpus, ReceiptsHold) { EXPECT_GE(agenthost::wire::run_over_corpus(fuzz_render, "render"), 10u); }
