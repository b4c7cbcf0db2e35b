#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_panel_field
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/panel_field_fuzz.cpp"

TEST(FuzzCorpus, PanelFieldHolds) { EXPECT_GE(run_over_corpus(fuzz_panel_field, "panel_field"), 100u); }
