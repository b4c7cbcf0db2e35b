#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_printer_text

#include "tests/fuzz/printer_text_fuzz.cpp"

TEST(FuzzCorpus, PrinterTextHolds)
{
    EXPECT_GE(agenthost::wire::run_over_corpus(fuzz_printer_text, "printer_text"), 8u);
}
