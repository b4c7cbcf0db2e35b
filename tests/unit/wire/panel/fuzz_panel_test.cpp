#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_panel
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/panel_fuzz.cpp"

TEST(FuzzCorpus, PanelHolds) { EXPECT_GE(run_over_corpus(fuzz_panel, "panel"), 100u); }
