#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_dashboard_field
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/dashboard_field_fuzz.cpp"

TEST(FuzzCorpus, DashboardFieldHolds)
{
    EXPECT_GE(run_over_corpus(fuzz_dashboard_field, "dashboard_field"), 100u);
}
